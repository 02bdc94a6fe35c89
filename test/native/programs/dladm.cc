// os/dladm.h over a libdladm.so.1, whose path is the argument; SLEDCAST_FAKE_DLADM names its table.
#include "os/dladm.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

using namespace sledcast::os;

namespace {

constexpr DladmStatus NOTFOUND = 5;
constexpr DladmStatus EXIST = 8;
bool failed = false;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "NOT", what);
  failed = failed || !holds;
}

bool says(const DladmAnswer& answer, const char* function, DladmStatus status, const char* text) {
  return std::strcmp(answer.function, function) == 0 && answer.status == status &&
         std::strcmp(answer.text.data(), text) == 0;
}

}  // namespace

int main(int, char** argv) {
  Dladm absent("libdladm-absent.so.1");
  check(!absent.load().empty(), "a library that is not there is told");

  Dladm dladm(argv[1]);
  check(dladm.load().empty() && dladm.load().empty(), "it loads, and a second time is nothing");

  DatalinkId id = NO_LINK_ID;
  check(says(dladm.create("opte0", id), "dladm_create_datalink_id", DLADM_OK, "ok") && id != 0, "an id is made");
  DatalinkId second = NO_LINK_ID;
  check(says(dladm.create("opte0", second), "dladm_create_datalink_id", EXIST, "object already exists") && second == 0,
        "a name is taken once");

  Datalink link;
  check(dladm.find("opte0", link).status == DLADM_OK && link.id == id && link.flags == LINK_OPTION_ACTIVE &&
            link.linkClass == LINK_CLASS_MISC && link.media == LINK_MEDIA_ETHER,
        "it is found by its name, as it was made");
  Datalink other;
  std::array<char, LINK_NAME_BYTES> name{};
  check(dladm.find(id, other, name).status == DLADM_OK && other.id == id && other.media == LINK_MEDIA_ETHER &&
            std::strcmp(name.data(), "opte0") == 0,
        "and by its number");
  check(says(dladm.find("opte1", link), "dladm_name2info", NOTFOUND, "object not found"), "another is not");

  const std::string longest(30, 'p');
  DatalinkId longId = NO_LINK_ID;
  check(dladm.create(longest + "1", longId).status == DLADM_OK && dladm.find(longId, other, name).status == 0 &&
            name.data() == longest + "1",
        "a name of 31 characters is whole");
  check(dladm.find(longest + "12", link).status == DLADM_BADARG, "a longer one is refused, not cut");

  // Each thread makes and gives back its own, over one handle.
  std::vector<std::thread> threads;
  std::array<bool, 4> good{};
  for (std::size_t n = 0; n < good.size(); n++) {
    threads.emplace_back([&dladm, &good, n] {
      bool all = true;
      for (int turn = 0; turn < 20; turn++) {
        DatalinkId made = NO_LINK_ID;
        all = dladm.create("thread" + std::to_string(n + 1), made).status == DLADM_OK && all;
        all = dladm.destroy(made).status == DLADM_OK && all;
      }
      good[n] = all;
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(good[0] && good[1] && good[2] && good[3], "threads share it");

  check(dladm.destroy(id).status == DLADM_OK && dladm.find("opte0", link).status == NOTFOUND, "it is given back");
  check(says(dladm.destroy(id), "dladm_destroy_datalink_id", NOTFOUND, "object not found"), "and only once");
  return failed ? 1 : 0;
}
