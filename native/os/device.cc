#include "os/device.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "opte/command.h"

namespace sledcast::os {

Outcome runCommand(const Descriptor& device, const Command& command) noexcept {
  const bool hasRequest = command.requestLength > 0;
  OpteCmdIoctl argument{};
  argument.api_version = command.apiVersion;
  argument.cmd = command.cmd;
  argument.req_bytes = hasRequest ? command.request : nullptr;
  argument.req_len = command.requestLength;
  argument.resp_bytes = command.reply;
  argument.resp_len = command.capacity;

  // EINTR is handed up, not met with a second try: the command may have run, and not every command
  // may run twice (a port is there already the second time). Who knows the command decides. xde
  // itself has no interruptible wait, so this is for drivers that we do not know.
  Outcome outcome;
  if (::ioctl(device.get(), XDE_IOC_OPTE_CMD, &argument) == -1) outcome.error = errno;
  outcome.actual = argument.resp_len_actual;
  outcome.copiedOut = (argument.flags & RESP_COPY_OUT) != 0;

  // A driver that says it wrote more than there was room for cannot be believed: not a byte of the
  // reply is used, and a success is none.
  if (outcome.copiedOut && outcome.actual > command.capacity) {
    outcome.copiedOut = false;
    if (outcome.error == 0) outcome.error = EIO;
  }
  return outcome;
}

}  // namespace sledcast::os
