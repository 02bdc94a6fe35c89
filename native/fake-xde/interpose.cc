// The calls we stand in front of: every way to open a file, and ioctl. What is not about the fake device goes to the
// next definition of the call, untouched.
//
// The functions carry private names here and the public ones only as symbols: the system's headers declare some of the
// public ones as macros, as aliases of each other (large files) or with attributes that differ between C libraries.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../opte/command.h"
#include "device.h"
#include "registry.h"

namespace fake_xde {
namespace {

// A real function, looked up when first called: a process may open files before our constructors would have run. Two
// threads that look at once find the same.
template <typename Function>
class Next {
 public:
  constexpr explicit Next(const char* name) : name_(name) {}
  Function* get() {
    void* found = found_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = dlsym(RTLD_NEXT, name_);
      if (found == nullptr) abort();
      found_.store(found, std::memory_order_relaxed);
    }
    return reinterpret_cast<Function*>(found);
  }

 private:
  const char* name_;
  std::atomic<void*> found_{nullptr};
};

int fail(int error) {
  errno = error;
  return -1;
}

const char* setting(const char* name) {
  const char* value = getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

// Where the server of this path listens, if it is the path that the environment makes a fake device.
const char* configured_server(const char* path) {
  const char* server = setting("SLEDCAST_FAKE_XDE");
  if (server == nullptr || path == nullptr) return nullptr;
  const char* device = setting("SLEDCAST_FAKE_XDE_DEVICE");
  return strcmp(path, device == nullptr ? "/dev/xde" : device) == 0 ? server : nullptr;
}

// A socket is remembered by an absolute path, for the process may change its directory before it next connects.
const Server* server_at_path(int directory, const char* path) {
  if (path[0] == '/') return server_at(path);
  char absolute[PATH_MAX];
  if (directory == AT_FDCWD) {
    if (getcwd(absolute, sizeof(absolute)) == nullptr) return nullptr;
  } else {
    char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
    const ssize_t length = readlink(link, absolute, sizeof(absolute) - 1);
    if (length < 0) return nullptr;
    absolute[length] = '\0';
  }
  const size_t length = strlen(absolute);
  const int added = snprintf(absolute + length, sizeof(absolute) - length, "/%s", path);
  if (added < 0 || static_cast<size_t>(added) >= sizeof(absolute) - length) {
    errno = ENAMETOOLONG;
    return nullptr;
  }
  return server_at(absolute);
}

// `not_listening` is the errno for a socket nobody answers.
int open_fake(int directory, const char* socket_path, int flags, int not_listening) {
  const int before = errno;
  const Server* server = server_at_path(directory, socket_path);
  if (server == nullptr) return -1;
  if (const int error = open_device(*server, flags)) {
    return fail(error == ECONNREFUSED ? not_listening : error);
  }
  const int descriptor = make_device(*server, (flags & O_CLOEXEC) != 0);
  if (descriptor >= 0) errno = before;
  return descriptor;
}

template <typename RealOpen>
int open_any(int directory, const char* path, int flags, RealOpen real_open) {
  // O_PATH opens no device: it only names a file.
  if ((flags & O_PATH) == 0) {
    if (const char* server = configured_server(path)) return open_fake(AT_FDCWD, server, flags, ENOENT);
  }
  const int before = errno;
  const int descriptor = real_open();
  // The system itself says which paths could be sockets, so no other open pays for the question, and everything that
  // it refuses for a reason of its own (permission, O_NOFOLLOW, O_CREAT with O_EXCL) stays refused.
  if (descriptor >= 0 || errno != ENXIO) return descriptor;
  struct stat status;
  if (fstatat(directory, path, &status, 0) != 0 || !S_ISSOCK(status.st_mode)) return fail(ENXIO);
  errno = before;
  return open_fake(directory, path, flags, ENXIO);
}

mode_t mode_of(int flags, va_list arguments) {
  // Only these flags have a third argument; O_TMPFILE is more than one bit.
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return creates ? va_arg(arguments, mode_t) : 0;
}

using Open = int(const char*, int, ...);
using OpenAt = int(int, const char*, int, ...);
using CheckedOpen = int(const char*, int);
using CheckedOpenAt = int(int, const char*, int);
using Ioctl = int(int, unsigned long, ...);

Next<Open> next_open{"open"}, next_open64{"open64"};
Next<OpenAt> next_openat{"openat"}, next_openat64{"openat64"};
Next<CheckedOpen> next_open_2{"__open_2"}, next_open64_2{"__open64_2"};
Next<CheckedOpenAt> next_openat_2{"__openat_2"}, next_openat64_2{"__openat64_2"};
Next<Ioctl> next_ioctl{"ioctl"};

int open_with(Next<Open>& next, const char* path, int flags, va_list arguments) {
  const mode_t mode = mode_of(flags, arguments);
  return open_any(AT_FDCWD, path, flags, [&] { return next.get()(path, flags, mode); });
}

int openat_with(Next<OpenAt>& next, int directory, const char* path, int flags, va_list arguments) {
  const mode_t mode = mode_of(flags, arguments);
  return open_any(directory, path, flags, [&] { return next.get()(directory, path, flags, mode); });
}

}  // namespace

#define INTERPOSED(name) __asm__(name) __attribute__((visibility("default"), used))

extern "C" {

int fake_open(const char* path, int flags, ...) INTERPOSED("open");
int fake_open64(const char* path, int flags, ...) INTERPOSED("open64");
int fake_openat(int directory, const char* path, int flags, ...) INTERPOSED("openat");
int fake_openat64(int directory, const char* path, int flags, ...) INTERPOSED("openat64");
int fake_open_2(const char* path, int flags) INTERPOSED("__open_2");
int fake_open64_2(const char* path, int flags) INTERPOSED("__open64_2");
int fake_openat_2(int directory, const char* path, int flags) INTERPOSED("__openat_2");
int fake_openat64_2(int directory, const char* path, int flags) INTERPOSED("__openat64_2");
int fake_ioctl(int descriptor, unsigned long request, ...) INTERPOSED("ioctl");

int fake_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int result = open_with(next_open, path, flags, arguments);
  va_end(arguments);
  return result;
}

int fake_open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int result = open_with(next_open64, path, flags, arguments);
  va_end(arguments);
  return result;
}

int fake_openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int result = openat_with(next_openat, directory, path, flags, arguments);
  va_end(arguments);
  return result;
}

int fake_openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const int result = openat_with(next_openat64, directory, path, flags, arguments);
  va_end(arguments);
  return result;
}

int fake_open_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, [=] { return next_open_2.get()(path, flags); });
}

int fake_open64_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, [=] { return next_open64_2.get()(path, flags); });
}

int fake_openat_2(int directory, const char* path, int flags) {
  return open_any(directory, path, flags, [=] { return next_openat_2.get()(directory, path, flags); });
}

int fake_openat64_2(int directory, const char* path, int flags) {
  return open_any(directory, path, flags, [=] { return next_openat64_2.get()(directory, path, flags); });
}

int fake_ioctl(int descriptor, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  // Callers pass the number as an int or as an unsigned long; only 32 bits of it mean anything. Every other number is
  // the real ioctl's affair: on the fake device too it answers ENOTTY.
  if (static_cast<unsigned>(request) == static_cast<unsigned>(XDE_IOC_OPTE_CMD)) {
    const int before = errno;
    if (const Server* server = server_of(descriptor)) {
      if (const int error = run_command(*server, argument)) return fail(error);
      errno = before;
      return 0;
    }
    errno = before;
  }
  return next_ioctl.get()(descriptor, request, argument);
}

}  // extern "C"

}  // namespace fake_xde
