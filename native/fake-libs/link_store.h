// Where the table of links is: in the file that SLEDCAST_FAKE_DLADM names, with its faults in `FILE.faults`, so that it
// outlives a killed agent as dlmgmtd's table does; without the variable in this process, and then there are no faults.
#pragma once

#include <mutex>
#include <string>

#include "link_table.h"

namespace fake_libs {

// One operation on the table: nobody else has it until this goes.
class LinkStore {
 public:
  LinkStore();
  ~LinkStore();
  LinkStore(const LinkStore&) = delete;
  LinkStore& operator=(const LinkStore&) = delete;

  // Whether the table could be had. Nothing else is for a store that is not.
  bool is_open() const { return open_; }
  LinkTable& table() { return table_; }
  // The next fault of the call; that it is used up is kept at once.
  std::optional<Fault> take_fault(const char* call);
  // Keeps the table as it is now; false: it is as before.
  bool save();

 private:
  bool load();

  std::lock_guard<std::mutex> turn_;
  std::string file_;
  int lock_ = -1;
  bool open_ = false;
  LinkTable table_;
  Faults faults_;
};

}  // namespace fake_libs
