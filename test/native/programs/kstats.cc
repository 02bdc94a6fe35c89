// os/kstats.h over a libkstat.so.1 whose kstats come and go under it: the library's path and the kstats' file, which
// SLEDCAST_FAKE_KSTAT names too, are the arguments; the third is how often they change.
#include "os/kstats.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace sledcast::os;

namespace {

bool failed = false;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "NOT", what);
  failed = failed || !holds;
}

void replace(const std::string& file, const std::string& text) {
  const std::string next = file + ".next";
  std::ofstream(next) << text;
  if (std::rename(next.c_str(), file.c_str()) != 0) std::exit(2);
}

// Ports whose statistics all have the number of the change as their value.
std::string ports(int change) {
  std::string text;
  for (int port = 0; port < 8; port++) {
    if ((change >> (port % 4)) % 2 == 0) continue;
    text += "xde 0 opte" + std::to_string(port) + " net named\n";
    for (const char* name : {"in_drop", "out_drop"}) text += " " + std::string(name) + " uint64 " + std::to_string(change) + "\n";
  }
  return text;
}

// Whether each kstat has both statistics, of one time.
bool isWhole(const std::vector<KstatRecord>& records) {
  for (std::size_t at = 0; at < records.size(); at += 3) {
    if (records[at].value != 2 || std::strncmp(records[at].name, "opte", 4) != 0 || at + 2 >= records.size()) return false;
    if (std::strcmp(records[at + 1].name, "in_drop") != 0 || records[at + 1].value != records[at + 2].value) return false;
  }
  return true;
}

}  // namespace

int main(int, char** argv) {
  const std::string file = argv[2];
  Kstats absent("libkstat-absent.so.1");
  check(!absent.load().empty(), "a library that is not there is told");

  Kstats kstats(argv[1]);
  check(kstats.load().empty(), "it loads");
  std::vector<KstatRecord> records;
  const std::string name(31, 'n');
  replace(file, "xde 0 " + name + " net named\n " + name + " uint64 18446744073709551615\n");
  check(kstats.read("xde", records) == 0 && records.size() == 2 && records[0].name == name && records[0].value == 1 &&
            records[1].name == name && records[1].value == UINT64_MAX,
        "names without an end are bounded");
  replace(file, "xde 0 opte0 net named\n in_drop uint64 1\n !records 1000\n");
  check(kstats.read("xde", records) == 0 && records.empty(), "nothing is read beyond a kstat's data");

  std::atomic<bool> done{false};
  replace(file, ports(1));
  std::thread kernel([&] {
    for (int change = 1; change < std::atoi(argv[3]); change++) {
      replace(file, ports(change));
      std::this_thread::yield();
    }
    done = true;
  });
  std::vector<std::thread> readers;
  std::atomic<int> bad{0};
  std::atomic<int> readings{0};
  for (int n = 0; n < 2; n++) {
    readers.emplace_back([&] {
      std::vector<KstatRecord> mine;
      do {
        if (kstats.read("xde", mine) != 0 || !isWhole(mine)) bad++;
        readings++;
      } while (!done);
    });
  }
  kernel.join();
  for (std::thread& reader : readers) reader.join();
  check(bad == 0 && readings > 1, "each reading is whole while kstats come and go");
  return failed ? 1 : 0;
}
