// The kernel's kstats, which the file that SLEDCAST_FAKE_KSTAT names has as text:
//
//   MODULE INSTANCE NAME CLASS TYPE      opens a kstat; TYPE is named, raw, intr, io or timer
//     STAT DATATYPE VALUE                a statistic; DATATYPE as in KSTAT_DATA_*: uint64, int32, string …
//     !gone                              is in the chain and cannot be read: ENXIO
//     !fails ERRNO                       reading it fails
//     !records COUNT                     says that it has so many, whatever it has
//     !becomes FILE                      FILE takes the place of the kstats' file before this one is read
//
// Lines of white space and those that begin with # are nothing. Who changes the file puts another in its place
// (rename), never writes into it. Names are kept to their 31st byte, without a NUL if that is needed, which the kernel
// itself does not do: it is for readers to show that they do not depend on one.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace fake_libs {

struct Stat {
  std::string name;
  std::uint8_t type;
  std::string value;
};

struct LiveKstat {
  // Another after it was gone, even under the same name.
  std::int32_t id = 0;
  std::string module;
  std::int32_t instance = 0;
  std::string name;
  std::string kstat_class;
  std::uint8_t type = 0;
  std::vector<Stat> stats;
  int read_errno = 0;
  // Fewer than nothing: as many as there are.
  long records = -1;
  std::string becomes;
};

class Kernel {
 public:
  static Kernel& get();

  std::mutex& turn() { return turn_; }
  // Reads the file if it is another than before. Returns 0, or the errno.
  int refresh();
  // Another whenever a kstat came or went.
  std::int32_t chain_id() const { return chain_id_; }
  const std::vector<LiveKstat>& kstats() const { return kstats_; }
  const LiveKstat* find(std::int32_t id) const;
  // Puts the file in the place of the kstats' own.
  void become(const std::string& file);

 private:
  std::mutex turn_;
  std::string file_;
  std::string seen_;
  std::vector<LiveKstat> kstats_;
  std::int32_t chain_id_ = 1;
  std::int32_t next_id_ = 1;
};

}  // namespace fake_libs
