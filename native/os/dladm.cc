#include "os/dladm.h"

#include <utility>

namespace sledcast::os {

namespace {

// The library would look up, or make, what a longer name begins with: it copies names by strlcpy and
// does not look whether all of it fitted.
bool isCut(const std::string& name) noexcept { return name.size() >= LINK_NAME_BYTES; }

}  // namespace

Dladm::Dladm(std::string library) : file_(std::move(library)) {}

Dladm::~Dladm() {
  if (handle_ != nullptr) functions_.close(handle_);
}

std::string Dladm::load() {
  const std::lock_guard<std::mutex> lock(turn_);
  std::string why = library_.load(file_);
  if (!why.empty()) return why;
  Functions found;
  const char* missing = nullptr;
  const auto find = [&](const char* name, auto*& function) {
    if (!library_.find(name, function) && missing == nullptr) missing = name;
  };
  find("dladm_open", found.open);
  find("dladm_close", found.close);
  find("dladm_create_datalink_id", found.createDatalinkId);
  find("dladm_destroy_datalink_id", found.destroyDatalinkId);
  find("dladm_name2info", found.name2info);
  find("dladm_datalink_id2info", found.id2info);
  find("dladm_status2str", found.status2str);
  if (missing != nullptr) return file_ + " has no " + missing;
  functions_ = found;
  return {};
}

DladmAnswer Dladm::answer(const char* function, DladmStatus status) const noexcept {
  DladmAnswer answer;
  answer.function = function;
  answer.status = status;
  static_cast<void>(functions_.status2str(status, answer.text.data()));
  answer.text.back() = '\0';
  return answer;
}

DladmAnswer Dladm::openHandle() noexcept {
  DladmStatus status = DLADM_OK;
  if (handle_ == nullptr) status = functions_.open(&handle_);
  // What a failed open left there is none.
  if (status != DLADM_OK) handle_ = nullptr;
  return answer("dladm_open", status);
}

DladmAnswer Dladm::create(const std::string& name, DatalinkId& id) noexcept {
  const std::lock_guard<std::mutex> lock(turn_);
  constexpr const char* FUNCTION = "dladm_create_datalink_id";
  if (isCut(name)) return answer(FUNCTION, DLADM_BADARG);
  const DladmAnswer opened = openHandle();
  if (opened.status != DLADM_OK) return opened;
  return answer(FUNCTION, functions_.createDatalinkId(handle_, name.c_str(), LINK_CLASS_MISC, LINK_MEDIA_ETHER,
                                                      LINK_OPTION_ACTIVE, &id));
}

DladmAnswer Dladm::find(const std::string& name, Datalink& link) noexcept {
  const std::lock_guard<std::mutex> lock(turn_);
  constexpr const char* FUNCTION = "dladm_name2info";
  if (isCut(name)) return answer(FUNCTION, DLADM_BADARG);
  const DladmAnswer opened = openHandle();
  if (opened.status != DLADM_OK) return opened;
  return answer(FUNCTION,
                functions_.name2info(handle_, name.c_str(), &link.id, &link.flags, &link.linkClass, &link.media));
}

DladmAnswer Dladm::find(DatalinkId id, Datalink& link, std::array<char, LINK_NAME_BYTES>& name) noexcept {
  const std::lock_guard<std::mutex> lock(turn_);
  const DladmAnswer opened = openHandle();
  if (opened.status != DLADM_OK) return opened;
  link.id = id;
  name.fill('\0');
  const DladmStatus status =
      functions_.id2info(handle_, id, &link.flags, &link.linkClass, &link.media, name.data(), name.size());
  return answer("dladm_datalink_id2info", status);
}

DladmAnswer Dladm::destroy(DatalinkId id) noexcept {
  const std::lock_guard<std::mutex> lock(turn_);
  const DladmAnswer opened = openHandle();
  if (opened.status != DLADM_OK) return opened;
  return answer("dladm_destroy_datalink_id", functions_.destroyDatalinkId(handle_, id, LINK_OPTION_ACTIVE));
}

}  // namespace sledcast::os
