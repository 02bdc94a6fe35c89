#include "os/kstats.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace sledcast::os {

namespace {

constexpr std::string_view CLASS_NET = "net";
// Walks of one reading, when ports come and go under each of them. After the last, what is gone is left out.
constexpr int MAX_WALKS = 4;

// A field's text: up to its NUL, or all of it.
std::string_view textOf(const char (&field)[KSTAT_NAME_BYTES]) noexcept {
  const void* end = std::memchr(field, '\0', KSTAT_NAME_BYTES);
  return {field, end == nullptr ? KSTAT_NAME_BYTES : static_cast<std::size_t>(static_cast<const char*>(end) - field)};
}

KstatRecord record(const char (&name)[KSTAT_NAME_BYTES], std::uint64_t value) noexcept {
  KstatRecord made{};
  const std::string_view text = textOf(name);
  std::memcpy(made.name, text.data(), text.size());
  made.value = value;
  return made;
}

// A negative number is of no use as a counter.
bool countOf(const KstatNamed& named, std::uint64_t& count) noexcept {
  switch (named.dataType) {
    case KSTAT_UINT64:
      count = named.value.ui64;
      return true;
    case KSTAT_UINT32:
      count = named.value.ui32;
      return true;
    case KSTAT_INT64:
      count = static_cast<std::uint64_t>(named.value.i64);
      return named.value.i64 >= 0;
    case KSTAT_INT32:
      count = static_cast<std::uint64_t>(named.value.i32);
      return named.value.i32 >= 0;
    default:
      return false;
  }
}

// A kstat whose own numbers contradict each other cannot be believed: not a value of it is used.
bool isWhole(const Kstat& kstat) noexcept {
  return kstat.records == 0 || (kstat.data != nullptr && kstat.records <= kstat.dataSize / sizeof(KstatNamed));
}

void append(const Kstat& kstat, std::vector<KstatRecord>& records) {
  const std::size_t head = records.size();
  records.push_back(record(kstat.name, 0));
  const auto* named = static_cast<const KstatNamed*>(kstat.data);
  for (std::uint32_t i = 0; i < kstat.records; i++) {
    std::uint64_t count = 0;
    if (countOf(named[i], count)) records.push_back(record(named[i].name, count));
  }
  records[head].value = records.size() - head - 1;
}

}  // namespace

Kstats::Kstats(std::string library) : file_(std::move(library)) {}

Kstats::~Kstats() { close(); }

std::string Kstats::load() {
  const std::lock_guard<std::mutex> lock(turn_);
  std::string why = library_.load(file_);
  if (!why.empty()) return why;
  Functions found;
  const char* missing = nullptr;
  const auto find = [&](const char* name, auto*& function) {
    if (!library_.find(name, function) && missing == nullptr) missing = name;
  };
  find("kstat_open", found.open);
  find("kstat_close", found.close);
  find("kstat_chain_update", found.chainUpdate);
  find("kstat_read", found.read);
  if (missing != nullptr) return file_ + " has no " + missing;
  functions_ = found;
  return {};
}

int Kstats::read(const std::string& module, std::vector<KstatRecord>& records) noexcept {
  const std::lock_guard<std::mutex> lock(turn_);
  int error = 0;
  try {
    int walks = 0;
    do {
      records.clear();
      error = readOnce(module, records);
      walks++;
    } while (error == 0 && missed_ && walks < MAX_WALKS);
  } catch (const std::bad_alloc&) {
    error = ENOMEM;
  }
  if (error != 0) records.clear();
  return error;
}

// Each walk begins with an update of the chain and holds no pointer from before it: the update frees
// every kstat that is gone.
int Kstats::readOnce(const std::string& module, std::vector<KstatRecord>& records) {
  const int error = update();
  if (error != 0) return error;
  missed_ = false;
  for (Kstat* kstat = control_->chain; kstat != nullptr; kstat = kstat->next) {
    if (kstat->type != KSTAT_NAMED || kstat->instance != 0) continue;
    if (textOf(kstat->module) != module || textOf(kstat->kstatClass) != CLASS_NET) continue;
    if (functions_.read(control_, kstat, nullptr) == -1) {
      const int failed = errno;
      if (failed != ENXIO) return failed == 0 ? EIO : failed;
      missed_ = true;
    } else if (isWhole(*kstat)) {
      append(*kstat, records);
    }
  }
  return 0;
}

// Opens the handle where there is none. One whose chain could not be brought up to date is not kept.
int Kstats::update() noexcept {
  errno = 0;
  if (control_ == nullptr) {
    // It brings the chain along.
    control_ = functions_.open();
    if (control_ != nullptr) return 0;
  } else if (functions_.chainUpdate(control_) != -1) {
    return 0;
  }
  const int error = errno;
  close();
  return error == 0 ? EIO : error;
}

void Kstats::close() noexcept {
  if (control_ == nullptr) return;
  static_cast<void>(functions_.close(std::exchange(control_, nullptr)));
}

}  // namespace sledcast::os
