// A stand-in for illumos' libkstat with the kernel behind it: the symbols, layouts and answers of the real one, declared
// here once more and not taken from `os/kstat_abi.h`, so that a slip in one shows in the other. A chain that changed is
// made anew from nothing, so that whoever keeps a kstat over an update uses freed memory (the real one frees those only
// that are gone).
#include <errno.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "kernel.h"

namespace {

using fake_libs::Kernel;
using fake_libs::LiveKstat;
using fake_libs::Stat;

constexpr std::size_t kStrLen = 31;
constexpr std::uint8_t kNamed = 1;
enum : std::uint8_t { kChar = 0, kInt32 = 1, kUint32 = 2, kInt64 = 3, kUint64 = 4, kFloat = 5, kDouble = 6, kString = 9 };

std::int64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

void copy_name(char (&to)[kStrLen], const std::string& from) {
  std::memset(to, 0, kStrLen);
  std::memcpy(to, from.data(), from.size() < kStrLen ? from.size() : kStrLen);
}

}  // namespace

extern "C" {

typedef struct kstat_named {
  char name[kStrLen];
  unsigned char data_type;
  union {
    char c[16];
    std::int32_t i32;
    std::uint32_t ui32;
    std::int64_t i64;
    std::uint64_t ui64;
    float f;
    double d;
    struct {
      char* ptr;
      std::uint32_t len;
    } str;
  } value;
} kstat_named_t;
static_assert(sizeof(kstat_named_t) == 48 && offsetof(kstat_named_t, data_type) == 31);
static_assert(offsetof(kstat_named_t, value) == 32 && offsetof(kstat_named_t, value.str.len) == 40);

typedef struct kstat {
  std::int64_t ks_crtime;
  struct kstat* ks_next;
  std::int32_t ks_kid;
  char ks_module[kStrLen];
  unsigned char ks_resv;
  std::int32_t ks_instance;
  char ks_name[kStrLen];
  unsigned char ks_type;
  char ks_class[kStrLen];
  unsigned char ks_flags;
  void* ks_data;
  std::uint32_t ks_ndata;
  std::size_t ks_data_size;
  std::int64_t ks_snaptime;
  int (*ks_update)(struct kstat*, int);
  void* ks_private;
  int (*ks_snapshot)(struct kstat*, void*, int);
  void* ks_lock;
} kstat_t;
static_assert(sizeof(kstat_t) == 184 && offsetof(kstat_t, ks_kid) == 16 && offsetof(kstat_t, ks_module) == 20);
static_assert(offsetof(kstat_t, ks_instance) == 52 && offsetof(kstat_t, ks_name) == 56);
static_assert(offsetof(kstat_t, ks_type) == 87 && offsetof(kstat_t, ks_class) == 88);
static_assert(offsetof(kstat_t, ks_flags) == 119 && offsetof(kstat_t, ks_data) == 120);
static_assert(offsetof(kstat_t, ks_ndata) == 128 && offsetof(kstat_t, ks_data_size) == 136);
static_assert(offsetof(kstat_t, ks_snaptime) == 144);

typedef struct kstat_ctl {
  std::int32_t kc_chain_id;
  kstat_t* kc_chain;
  int kc_kd;
} kstat_ctl_t;
static_assert(sizeof(kstat_ctl_t) == 24 && offsetof(kstat_ctl_t, kc_chain) == 8 && offsetof(kstat_ctl_t, kc_kd) == 16);

}  // extern "C"

namespace {

void free_chain(kstat_ctl_t* control) {
  for (kstat_t* kstat = control->kc_chain; kstat != nullptr;) {
    kstat_t* next = kstat->ks_next;
    std::free(kstat->ks_data);
    std::free(kstat);
    kstat = next;
  }
  control->kc_chain = nullptr;
}

kstat_t* header_of(const LiveKstat& live) {
  auto* kstat = static_cast<kstat_t*>(std::calloc(1, sizeof(kstat_t)));
  if (kstat == nullptr) return nullptr;
  kstat->ks_crtime = now();
  kstat->ks_kid = live.id;
  copy_name(kstat->ks_module, live.module);
  kstat->ks_instance = live.instance;
  copy_name(kstat->ks_name, live.name);
  kstat->ks_type = live.type;
  copy_name(kstat->ks_class, live.kstat_class);
  kstat->ks_ndata = static_cast<std::uint32_t>(live.stats.size());
  kstat->ks_data_size = live.stats.size() * sizeof(kstat_named_t);
  return kstat;
}

void set_value(kstat_named_t& named, const Stat& stat, char*& strings) {
  const char* text = stat.value.c_str();
  switch (stat.type) {
    case kChar:
      std::strncpy(named.value.c, text, sizeof(named.value.c));
      break;
    case kInt32:
      named.value.i32 = static_cast<std::int32_t>(std::strtol(text, nullptr, 0));
      break;
    case kUint32:
      named.value.ui32 = static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0));
      break;
    case kInt64:
      named.value.i64 = std::strtoll(text, nullptr, 0);
      break;
    case kUint64:
      named.value.ui64 = std::strtoull(text, nullptr, 0);
      break;
    case kFloat:
      named.value.f = std::strtof(text, nullptr);
      break;
    case kDouble:
      named.value.d = std::strtod(text, nullptr);
      break;
    default:
      named.value.str.ptr = strings;
      named.value.str.len = static_cast<std::uint32_t>(stat.value.size() + 1);
      std::memcpy(strings, text, stat.value.size() + 1);
      strings += stat.value.size() + 1;
  }
}

// The kstat's data, in memory of just its size: a reader that goes beyond it is seen. Strings are behind the records.
bool fill(kstat_t* kstat, const LiveKstat& live) {
  const std::size_t records = live.stats.size() * sizeof(kstat_named_t);
  std::size_t size = records;
  for (const Stat& stat : live.stats) size += stat.type == kString ? stat.value.size() + 1 : 0;
  std::free(kstat->ks_data);
  kstat->ks_data = size == 0 ? nullptr : std::calloc(1, size);
  if (size > 0 && kstat->ks_data == nullptr) return false;
  auto* named = static_cast<kstat_named_t*>(kstat->ks_data);
  char* strings = static_cast<char*>(kstat->ks_data) + records;
  for (const Stat& stat : live.stats) {
    copy_name(named->name, stat.name);
    named->data_type = stat.type;
    set_value(*named, stat, strings);
    named++;
  }
  kstat->ks_data_size = size;
  kstat->ks_ndata = static_cast<std::uint32_t>(live.records < 0 ? static_cast<long>(live.stats.size()) : live.records);
  kstat->ks_snaptime = now();
  return true;
}

// Both with the kernel's turn taken.
std::int32_t update(kstat_ctl_t* control) {
  Kernel& kernel = Kernel::get();
  if (const int error = kernel.refresh()) {
    errno = error;
    return -1;
  }
  if (control->kc_chain_id == kernel.chain_id()) return 0;
  free_chain(control);
  kstat_t** last = &control->kc_chain;
  for (const LiveKstat& live : kernel.kstats()) {
    *last = header_of(live);
    if (*last == nullptr) return -1;
    last = &(*last)->ks_next;
  }
  control->kc_chain_id = kernel.chain_id();
  return control->kc_chain_id;
}

std::int32_t read(kstat_t* kstat) {
  Kernel& kernel = Kernel::get();
  if (const LiveKstat* live = kernel.find(kstat->ks_kid); live != nullptr && !live->becomes.empty()) {
    kernel.become(live->becomes);
  }
  int error = kernel.refresh();
  const LiveKstat* live = kernel.find(kstat->ks_kid);
  if (error == 0) error = live == nullptr ? ENXIO : live->read_errno;
  if (error == 0 && !fill(kstat, *live)) error = ENOMEM;
  if (error == 0) return kernel.chain_id();
  errno = error;
  return -1;
}

}  // namespace

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

EXPORTED int kstat_close(kstat_ctl_t* control) {
  free_chain(control);
  std::free(control);
  return 0;
}

EXPORTED kstat_ctl_t* kstat_open(void) {
  auto* control = static_cast<kstat_ctl_t*>(std::calloc(1, sizeof(kstat_ctl_t)));
  if (control == nullptr) return nullptr;
  control->kc_kd = -1;
  const std::lock_guard<std::mutex> lock(Kernel::get().turn());
  if (update(control) != -1) return control;
  const int error = errno;
  kstat_close(control);
  errno = error;
  return nullptr;
}

EXPORTED std::int32_t kstat_chain_update(kstat_ctl_t* control) {
  const std::lock_guard<std::mutex> lock(Kernel::get().turn());
  return update(control);
}

EXPORTED std::int32_t kstat_read(kstat_ctl_t*, kstat_t* kstat, void* buffer) {
  const std::lock_guard<std::mutex> lock(Kernel::get().turn());
  const std::int32_t chain = read(kstat);
  if (chain != -1 && buffer != nullptr) std::memcpy(buffer, kstat->ks_data, kstat->ks_data_size);
  return chain;
}

EXPORTED kstat_t* kstat_lookup(kstat_ctl_t* control, char* module, int instance, char* name) {
  for (kstat_t* kstat = control->kc_chain; kstat != nullptr; kstat = kstat->ks_next) {
    if ((module == nullptr || std::strncmp(kstat->ks_module, module, kStrLen) == 0) &&
        (instance == -1 || kstat->ks_instance == instance) &&
        (name == nullptr || std::strncmp(kstat->ks_name, name, kStrLen) == 0)) {
      return kstat;
    }
  }
  errno = ENOENT;
  return nullptr;
}

EXPORTED void* kstat_data_lookup(kstat_t* kstat, char* name) {
  auto* named = static_cast<kstat_named_t*>(kstat->ks_data);
  if (kstat->ks_type != kNamed || named == nullptr) {
    errno = EINVAL;
    return nullptr;
  }
  for (std::uint32_t i = 0; i < kstat->ks_ndata; i++) {
    if (std::strncmp(named[i].name, name, kStrLen) == 0) return &named[i];
  }
  errno = ENOENT;
  return nullptr;
}

}  // extern "C"
