#include "link_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace fake_libs {

namespace {

std::mutex turn;
// The table where no file is named.
LinkTable in_process;

// Nothing where there is no such file.
std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Whoever is killed over it leaves the file as it was.
bool replace_file(const std::string& path, const std::string& text) {
  const std::string other = path + ".new";
  {
    std::ofstream out(other, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return false;
  }
  return std::rename(other.c_str(), path.c_str()) == 0;
}

}  // namespace

LinkStore::LinkStore() : turn_(turn) {
  const char* file = std::getenv("SLEDCAST_FAKE_DLADM");
  if (file != nullptr) file_ = file;
  open_ = load();
}

LinkStore::~LinkStore() {
  // The lock goes with the descriptor.
  if (lock_ >= 0) close(lock_);
}

bool LinkStore::load() {
  if (file_.empty()) {
    table_ = in_process;
    return true;
  }
  // A file of its own: the table's is replaced, and a lock on it would be on what is no more.
  lock_ = open((file_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) return false;
  int locked = 0;
  do {
    locked = flock(lock_, LOCK_EX);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0) return false;
  const auto table = LinkTable::parse(read_file(file_));
  const auto faults = Faults::parse(read_file(file_ + ".faults"));
  if (!table.has_value() || !faults.has_value()) {
    std::fprintf(stderr, "libdladm (fake): %s cannot be read\n", (table.has_value() ? file_ + ".faults" : file_).c_str());
    return false;
  }
  table_ = *table;
  faults_ = *faults;
  return true;
}

std::optional<Fault> LinkStore::take_fault(const char* call) {
  const auto fault = faults_.take(call);
  if (fault.has_value()) replace_file(file_ + ".faults", faults_.text());
  return fault;
}

bool LinkStore::save() {
  if (!file_.empty()) return replace_file(file_, table_.text());
  in_process = table_;
  return true;
}

}  // namespace fake_libs
