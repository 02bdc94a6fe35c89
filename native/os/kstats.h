// The kernel's counters by libkstat. No Node in here.
//
// It was never run against the real library: that is illumos', and the stand-in of the same ABI in
// `fake-libs/` is all it has met. What is said of the library is from illumos-gate: kstat.c of libkstat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "os/kstat_abi.h"
#include "os/shared_library.h"

namespace sledcast::os {

// The library's file name: its only version.
inline constexpr const char* LIBKSTAT = "libkstat.so.1";

// One line of a reading: a kstat's name with how many statistics follow, or a statistic's with its value.
// `src/host/libkstat.ts` reads them as they lie.
struct KstatRecord {
  // With a NUL, whether or not the library's had one.
  char name[KSTAT_NAME_BYTES + 1];
  std::uint64_t value;
};
static_assert(sizeof(KstatRecord) == 40 && offsetof(KstatRecord, value) == 32);

// The library and one handle of it, which is opened with the first reading and kept. A handle is for one
// thread at a time, so readings take turns; a kstat that is being read by another makes the library wait.
class Kstats {
 public:
  explicit Kstats(std::string library);
  ~Kstats();
  Kstats(const Kstats&) = delete;
  Kstats& operator=(const Kstats&) = delete;

  // Loads the library. Returns nothing, or why it cannot be used. Readings are for a loaded one.
  std::string load();

  // Reads every kstat of the module's instance 0 that is of class `net` and type NAMED: its whole numbers,
  // those that are not negative. One that goes while it is read is left out. Returns 0, or the errno, and
  // then there are no records.
  int read(const std::string& module, std::vector<KstatRecord>& records) noexcept;

 private:
  struct Functions {
    KstatControl* (*open)() = nullptr;
    int (*close)(KstatControl*) = nullptr;
    KstatId (*chainUpdate)(KstatControl*) = nullptr;
    KstatId (*read)(KstatControl*, Kstat*, void*) = nullptr;
  };

  int readOnce(const std::string& module, std::vector<KstatRecord>& records);
  int update() noexcept;
  void close() noexcept;

  const std::string file_;
  std::mutex turn_;
  SharedLibrary library_;
  Functions functions_;
  KstatControl* control_ = nullptr;
  // Whether a kstat of the last walk had gone before it could be read.
  bool missed_ = false;
};

}  // namespace sledcast::os
