#include "registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace fake_xde {
namespace {

struct Device {
  dev_t dev;
  ino_t ino;
  const Server* server;
  const Device* next;
};

constexpr size_t kBuckets = 256;

// Lists that only grow, at the head. Constant-initialised: usable before any constructor has run.
std::atomic<const Server*> servers{nullptr};
std::atomic<const Device*> devices[kBuckets];

std::atomic<const Device*>& bucket_of(ino_t ino) { return devices[ino % kBuckets]; }

const Server* find_server(const Server* list, const char* path) {
  while (list != nullptr && strcmp(list->address.sun_path, path) != 0) list = list->next;
  return list;
}

}  // namespace

const Server* server_at(const char* socket_path) {
  const Server* head = servers.load(std::memory_order_acquire);
  if (const Server* known = find_server(head, socket_path)) return known;

  const size_t length = strlen(socket_path);
  if (length >= sizeof(sockaddr_un::sun_path)) {
    errno = ENAMETOOLONG;
    return nullptr;
  }
  auto* made = static_cast<Server*>(calloc(1, sizeof(Server)));
  if (made == nullptr) return nullptr;
  made->address.sun_family = AF_UNIX;
  memcpy(made->address.sun_path, socket_path, length);
  do {
    // Another thread may have been first with the same path: its object is the one.
    if (const Server* known = find_server(head, socket_path)) {
      free(made);
      return known;
    }
    made->next = head;
  } while (!servers.compare_exchange_weak(head, made, std::memory_order_acq_rel, std::memory_order_acquire));
  return made;
}

int make_device(const Server& server, bool close_on_exec) {
  const int descriptor = memfd_create("xde", MFD_ALLOW_SEALING | (close_on_exec ? MFD_CLOEXEC : 0U));
  if (descriptor < 0) return -1;
  // The driver has no read or write: a stray write shall fail, not fill memory.
  fcntl(descriptor, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);

  struct stat status;
  auto* made = static_cast<Device*>(malloc(sizeof(Device)));
  if (made == nullptr || fstat(descriptor, &status) != 0) {
    const int error = errno;
    free(made);
    close(descriptor);
    errno = error;
    return -1;
  }
  *made = Device{status.st_dev, status.st_ino, &server, nullptr};
  auto& bucket = bucket_of(status.st_ino);
  made->next = bucket.load(std::memory_order_relaxed);
  // Newest first: should an inode number ever come round again, the later device is found.
  while (!bucket.compare_exchange_weak(made->next, made, std::memory_order_release,
                                       std::memory_order_relaxed)) {
  }
  return descriptor;
}

const Server* server_of(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return nullptr;
  const Device* device = bucket_of(status.st_ino).load(std::memory_order_acquire);
  while (device != nullptr && (device->ino != status.st_ino || device->dev != status.st_dev)) device = device->next;
  return device == nullptr ? nullptr : device->server;
}

}  // namespace fake_xde
