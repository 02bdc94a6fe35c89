// A stand-in for illumos' libdladm with dlmgmtd behind it: the symbols, types and answers of the real one, as far as
// the agent uses it, declared here once more and not taken from `os/dladm.h`, so that a slip in one shows in the other.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "link_store.h"

namespace {

using fake_libs::Link;
using fake_libs::LinkStore;

// dladm_status_t, with the library's English texts.
struct Status {
  int number;
  const char* text;
};
constexpr Status kStatuses[] = {
    {0, "ok"},
    {1, "invalid argument"},
    {2, "operation failed"},
    {3, "buffer size too small"},
    {4, "operation not supported"},
    {5, "object not found"},
    {6, "invalid value"},
    {7, "insufficient memory"},
    {8, "object already exists"},
    {9, "invalid link"},
    {13, "permission denied"},
    {14, "I/O error"},
    {24, "link busy"},
    {27, "try again later"},
};
enum : int { kOk = 0, kBadArg = 1, kTooSmall = 3, kNotFound = 5, kExist = 8, kIoErr = 14 };
enum : std::uint32_t { kActive = 1, kPersist = 2 };
constexpr std::size_t kStrSize = 256;
constexpr std::size_t kMaxLinkNameLen = 32;

// Names are copied into the door's message, and what does not fit is cut off.
std::string cut(const char* name) { return std::string(name, strnlen(name, kMaxLinkNameLen - 1)); }

// Runs the call, or what is ordered in its place.
template <typename Call>
int answer(const char* name, Call call) {
  LinkStore store;
  if (!store.is_open()) return kIoErr;
  const auto fault = store.take_fault(name);
  if (fault.has_value() && !fault->after) return fault->status;
  const int status = call(store);
  return fault.has_value() ? fault->status : status;
}

// The flags that are told of a link: those of the options, not of dlmgmtd.
void tell(const Link& link, std::uint32_t* flags, int* link_class, std::uint32_t* media) {
  if (flags != nullptr) *flags = link.flags & (kActive | kPersist);
  if (link_class != nullptr) *link_class = link.link_class;
  if (media != nullptr) *media = link.media;
}

}  // namespace

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

struct dladm_handle {
  int descriptor;
};

EXPORTED int dladm_open(dladm_handle** handle) {
  if (handle == nullptr) return kBadArg;
  return answer("open", [&](LinkStore&) {
    *handle = new dladm_handle{-1};
    return kOk;
  });
}

EXPORTED void dladm_close(dladm_handle* handle) { delete handle; }

EXPORTED int dladm_valid_linkname(const char* name) { return fake_libs::is_link_name(name) ? 1 : 0; }

EXPORTED int dladm_create_datalink_id(dladm_handle* handle, const char* name, int link_class, std::uint32_t media,
                                      std::uint32_t flags, std::uint32_t* id) {
  if (handle == nullptr || name == nullptr || (flags & (kActive | kPersist)) == 0 || id == nullptr) return kBadArg;
  return answer("create", [&](LinkStore& store) -> int {
    const std::string link = cut(name);
    if (!fake_libs::is_link_name(link.c_str())) return kBadArg;
    auto& table = store.table();
    if (table.by_name(link) != nullptr) return kExist;
    const std::uint32_t made = table.next++;
    table.links.push_back({made, link_class, media, flags & (kActive | kPersist), link});
    if (!store.save()) return kIoErr;
    *id = made;
    return kOk;
  });
}

EXPORTED int dladm_destroy_datalink_id(dladm_handle* handle, std::uint32_t id, std::uint32_t flags) {
  if (handle == nullptr) return kBadArg;
  return answer("destroy", [&](LinkStore& store) -> int {
    Link* link = store.table().by_id(id);
    // Neither where it is not there in the sense that is asked for.
    if (link == nullptr || (link->flags & flags) == 0) return kNotFound;
    link->flags &= ~flags;
    if (link->flags == 0) store.table().remove(id);
    return store.save() ? kOk : kIoErr;
  });
}

EXPORTED int dladm_name2info(dladm_handle* handle, const char* name, std::uint32_t* id, std::uint32_t* flags,
                             int* link_class, std::uint32_t* media) {
  if (handle == nullptr || name == nullptr) return kBadArg;
  return answer("name2info", [&](LinkStore& store) -> int {
    const Link* link = store.table().by_name(cut(name));
    if (link == nullptr) return kNotFound;
    if (id != nullptr) *id = link->id;
    tell(*link, flags, link_class, media);
    return kOk;
  });
}

EXPORTED int dladm_datalink_id2info(dladm_handle* handle, std::uint32_t id, std::uint32_t* flags, int* link_class,
                                    std::uint32_t* media, char* name, std::size_t length) {
  if (handle == nullptr || id == 0 || (name == nullptr) != (length == 0)) return kBadArg;
  return answer("id2info", [&](LinkStore& store) -> int {
    const Link* link = store.table().by_id(id);
    if (link == nullptr) return kNotFound;
    if (length > 0 && link->name.size() + 1 > length) return kTooSmall;
    if (name != nullptr) std::memcpy(name, link->name.c_str(), link->name.size() + 1);
    tell(*link, flags, link_class, media);
    return kOk;
  });
}

EXPORTED const char* dladm_status2str(int status, char* buffer) {
  const char* text = "<unknown error>";
  for (const Status& known : kStatuses) {
    if (known.number == status) text = known.text;
  }
  std::snprintf(buffer, kStrSize, "%s", text);
  return buffer;
}

}  // extern "C"
