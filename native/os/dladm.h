// Datalink ids by libdladm, which asks dlmgmtd through its door. No Node in here.
//
// It was never run against the real library: that is illumos', and the stand-in of the same ABI in
// `fake-libs/` is all it has met. What is said of the library is from illumos-gate: libdllink.h and
// libdladm.h for the constants, libdlmgmt.c for the calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "os/shared_library.h"

namespace sledcast::os {

// The library's file name: its only version, whose symbols are all private (SUNWprivate_1.1).
inline constexpr const char* LIBDLADM = "libdladm.so.1";

// The library's types, by what they are: its headers are not on every host that builds us.
using DladmStatus = int;
using DatalinkId = std::uint32_t;
using DatalinkClass = int;
static_assert(sizeof(DladmStatus) == 4 && sizeof(DatalinkClass) == 4, "enums in C: an int each");
static_assert(sizeof(DatalinkId) == 4, "datalink_id_t is a uint32_t");

// The library's constants under names of our own: its own are macros (MAXLINKNAMELEN is in sys/param.h), which
// any header of the system may bring along.
// DLADM_STATUS_*: those that anything here depends on.
constexpr DladmStatus DLADM_OK = 0;
constexpr DladmStatus DLADM_BADARG = 1;
// DATALINK_CLASS_MISC; 0x400 was XDE on a branch of Oxide's.
constexpr DatalinkClass LINK_CLASS_MISC = 0x400;
// DL_ETHER of sys/dlpi.h.
constexpr std::uint32_t LINK_MEDIA_ETHER = 4;
// DLADM_OPT_ACTIVE: what is in effect now, as against what outlives a reboot (DLADM_OPT_PERSIST).
constexpr std::uint32_t LINK_OPTION_ACTIVE = 1;
// DATALINK_INVALID_LINKID.
constexpr DatalinkId NO_LINK_ID = 0;
// MAXLINKNAMELEN: a name with its NUL; and DLADM_STRSIZE: the buffer of dladm_status2str.
constexpr std::size_t LINK_NAME_BYTES = 32;
constexpr std::size_t DLADM_TEXT_BYTES = 256;

// What a call came to: which function of the library spoke last, its status, and the library's text for it.
struct DladmAnswer {
  const char* function = "";
  DladmStatus status = DLADM_OK;
  std::array<char, DLADM_TEXT_BYTES> text{};
};
static_assert(sizeof(DladmAnswer::text) == 256, "dladm_status2str writes up to that, and asks for no size");

// What dlmgmtd has under a name.
struct Datalink {
  DatalinkId id = NO_LINK_ID;
  std::uint32_t flags = 0;
  DatalinkClass linkClass = 0;
  std::uint32_t media = 0;
};

// The library and one handle of it, which is opened with the first call that needs it and kept: libdladm
// finds the door again by itself when dlmgmtd was restarted. Nothing says that two threads may use a
// handle, so calls take turns; each may wait for dlmgmtd, so none is for an event loop.
class Dladm {
 public:
  explicit Dladm(std::string library);
  ~Dladm();
  Dladm(const Dladm&) = delete;
  Dladm& operator=(const Dladm&) = delete;

  // Loads the library. Returns nothing, or why it cannot be used. The calls below are for a loaded one.
  std::string load();

  // A new id of class MISC and media Ethernet, active only: it does not outlive a reboot, as ports do not.
  DladmAnswer create(const std::string& name, DatalinkId& id) noexcept;
  DladmAnswer find(const std::string& name, Datalink& link) noexcept;
  // `name` is where the id's name is written.
  DladmAnswer find(DatalinkId id, Datalink& link, std::array<char, LINK_NAME_BYTES>& name) noexcept;
  // Takes the active part away, which for a link that is not persistent is all of it.
  DladmAnswer destroy(DatalinkId id) noexcept;

 private:
  // dladm_handle_t: a pointer to what only the library knows.
  using Handle = void*;
  struct Functions {
    DladmStatus (*open)(Handle*) = nullptr;
    void (*close)(Handle) = nullptr;
    DladmStatus (*createDatalinkId)(Handle, const char*, DatalinkClass, std::uint32_t, std::uint32_t,
                                    DatalinkId*) = nullptr;
    DladmStatus (*destroyDatalinkId)(Handle, DatalinkId, std::uint32_t) = nullptr;
    DladmStatus (*name2info)(Handle, const char*, DatalinkId*, std::uint32_t*, DatalinkClass*,
                             std::uint32_t*) = nullptr;
    DladmStatus (*id2info)(Handle, DatalinkId, std::uint32_t*, DatalinkClass*, std::uint32_t*, char*,
                           std::size_t) = nullptr;
    const char* (*status2str)(DladmStatus, char*) = nullptr;
  };

  DladmAnswer answer(const char* function, DladmStatus status) const noexcept;
  DladmAnswer openHandle() noexcept;

  const std::string file_;
  std::mutex turn_;
  SharedLibrary library_;
  Functions functions_;
  Handle handle_ = nullptr;
};

}  // namespace sledcast::os
