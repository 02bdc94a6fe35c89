#include "kernel.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

namespace fake_libs {

namespace {

const std::map<std::string, std::uint8_t> kTypes{{"raw", 0}, {"named", 1}, {"intr", 2}, {"io", 3}, {"timer", 4}};
const std::map<std::string, std::uint8_t> kDataTypes{{"char", 0},  {"int32", 1},  {"uint32", 2}, {"int64", 3},
                                                     {"uint64", 4}, {"float", 5}, {"double", 6}, {"string", 9}};

// Who the file is now, as text; empty where there is none.
std::string identity(const std::string& file) {
  struct stat status;
  if (stat(file.c_str(), &status) != 0) return {};
  std::ostringstream out;
  out << file << ' ' << status.st_ino << ' ' << status.st_size << ' ' << status.st_mtim.tv_sec << '.'
      << status.st_mtim.tv_nsec;
  return out.str();
}

bool read_order(std::istream& words, const std::string& order, LiveKstat& kstat) {
  if (order == "!gone") {
    kstat.read_errno = ENXIO;
    return true;
  }
  if (order == "!fails") return static_cast<bool>(words >> kstat.read_errno);
  if (order == "!records") return static_cast<bool>(words >> kstat.records);
  return order == "!becomes" && words >> kstat.becomes;
}

bool read_stat(std::istream& words, const std::string& name, LiveKstat& kstat) {
  std::string type;
  Stat stat;
  stat.name = name;
  if (!(words >> type >> stat.value)) return false;
  const auto known = kDataTypes.find(type);
  if (known == kDataTypes.end()) return false;
  stat.type = known->second;
  kstat.stats.push_back(stat);
  return true;
}

bool read_head(std::istream& words, const std::string& module, LiveKstat& kstat) {
  std::string type;
  kstat.module = module;
  if (!(words >> kstat.instance >> kstat.name >> kstat.kstat_class >> type)) return false;
  const auto known = kTypes.find(type);
  if (known == kTypes.end()) return false;
  kstat.type = known->second;
  return true;
}

std::optional<std::vector<LiveKstat>> parse(std::istream& lines) {
  std::vector<LiveKstat> kstats;
  for (std::string line; std::getline(lines, line);) {
    const bool indented = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    std::istringstream words(line);
    std::string first;
    if (!(words >> first) || first[0] == '#') continue;
    bool good = false;
    if (!indented) {
      LiveKstat kstat;
      good = read_head(words, first, kstat);
      kstats.push_back(kstat);
    } else if (!kstats.empty()) {
      good = first[0] == '!' ? read_order(words, first, kstats.back()) : read_stat(words, first, kstats.back());
    }
    if (!good) {
      std::fprintf(stderr, "libkstat (fake): not understood: %s\n", line.c_str());
      return std::nullopt;
    }
  }
  return kstats;
}

bool is_same(const LiveKstat& one, const LiveKstat& other) {
  return one.module == other.module && one.instance == other.instance && one.name == other.name;
}

}  // namespace

Kernel& Kernel::get() {
  static Kernel kernel;
  return kernel;
}

int Kernel::refresh() {
  const char* named = std::getenv("SLEDCAST_FAKE_KSTAT");
  file_ = named == nullptr ? "" : named;
  const std::string now = identity(file_);
  if (now == seen_) return 0;
  std::ifstream lines(file_, std::ios::binary);
  auto kstats = parse(lines);
  if (!kstats.has_value()) return EINVAL;
  for (LiveKstat& kstat : *kstats) {
    const auto before =
        std::find_if(kstats_.begin(), kstats_.end(), [&](const LiveKstat& old) { return is_same(old, kstat); });
    kstat.id = before == kstats_.end() ? next_id_++ : before->id;
  }
  const auto same_id = [](const LiveKstat& one, const LiveKstat& other) { return one.id == other.id; };
  if (!std::equal(kstats->begin(), kstats->end(), kstats_.begin(), kstats_.end(), same_id)) chain_id_++;
  kstats_ = std::move(*kstats);
  seen_ = now;
  return 0;
}

const LiveKstat* Kernel::find(std::int32_t id) const {
  const auto found = std::find_if(kstats_.begin(), kstats_.end(), [&](const LiveKstat& one) { return one.id == id; });
  return found == kstats_.end() ? nullptr : &*found;
}

void Kernel::become(const std::string& file) { std::rename(file.c_str(), file_.c_str()); }

}  // namespace fake_libs
