// What dlmgmtd keeps, as text, and the faults that a test orders.
//
// The table's file:   next ID
//                     link ID CLASS MEDIA FLAGS NAME        one line for each; numbers as in C
// The faults' file:   CALL STATUS COUNT [after]             CALL is open, create, destroy, name2info or id2info
//
// A fault answers the next COUNT calls with STATUS; with `after` the call has done its work by then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fake_libs {

struct Link {
  std::uint32_t id;
  int link_class;
  std::uint32_t media;
  std::uint32_t flags;
  std::string name;
};

struct LinkTable {
  // Ids count up, and one that was given back is not handed out again.
  std::uint32_t next = 1;
  std::vector<Link> links;

  Link* by_name(const std::string& name);
  Link* by_id(std::uint32_t id);
  void remove(std::uint32_t id);

  std::string text() const;
  // Nothing where the text is none of a table's.
  static std::optional<LinkTable> parse(const std::string& text);
};

struct Fault {
  std::string call;
  int status;
  unsigned count;
  bool after;
};

struct Faults {
  std::vector<Fault> list;

  // The next fault of the call, which is used up by it.
  std::optional<Fault> take(const char* call);

  std::string text() const;
  static std::optional<Faults> parse(const std::string& text);
};

// The rule of libdladm and dlmgmtd.
bool is_link_name(const char* name);

}  // namespace fake_libs
