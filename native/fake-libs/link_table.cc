#include "link_table.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <sstream>

namespace fake_libs {

namespace {

constexpr std::size_t kMaxLinkNameLen = 32;

// Numbers in C's notation: `0x400`, `1024`.
template <typename Number>
bool read_number(std::istream& line, Number& number) {
  std::string word;
  if (!(line >> word)) return false;
  char* end = nullptr;
  const unsigned long value = std::strtoul(word.c_str(), &end, 0);
  number = static_cast<Number>(value);
  return *end == '\0' && static_cast<unsigned long>(number) == value;
}

bool is_blank(const std::string& line) { return line.find_first_not_of(" \t") == std::string::npos || line[0] == '#'; }

}  // namespace

Link* LinkTable::by_name(const std::string& name) {
  const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) { return link.name == name; });
  return found == links.end() ? nullptr : &*found;
}

Link* LinkTable::by_id(std::uint32_t id) {
  const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) { return link.id == id; });
  return found == links.end() ? nullptr : &*found;
}

void LinkTable::remove(std::uint32_t id) {
  links.erase(std::remove_if(links.begin(), links.end(), [&](const Link& link) { return link.id == id; }), links.end());
}

std::string LinkTable::text() const {
  std::ostringstream out;
  out << "next " << next << '\n';
  for (const Link& link : links) {
    out << "link " << link.id << " 0x" << std::hex << link.link_class << std::dec << ' ' << link.media << ' '
        << link.flags << ' ' << link.name << '\n';
  }
  return out.str();
}

std::optional<LinkTable> LinkTable::parse(const std::string& text) {
  LinkTable table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (is_blank(line)) continue;
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "next") {
      if (!read_number(words, table.next)) return std::nullopt;
    } else if (word == "link") {
      Link link;
      if (!read_number(words, link.id) || !read_number(words, link.link_class) || !read_number(words, link.media) ||
          !read_number(words, link.flags) || !(words >> link.name)) {
        return std::nullopt;
      }
      table.links.push_back(link);
    } else {
      return std::nullopt;
    }
  }
  // A table that was written by hand may say nothing of the next.
  for (const Link& link : table.links) table.next = std::max(table.next, link.id + 1);
  return table;
}

std::optional<Fault> Faults::take(const char* call) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Fault& fault) { return fault.count > 0 && fault.call == call; });
  if (found == list.end()) return std::nullopt;
  found->count--;
  return *found;
}

std::string Faults::text() const {
  std::ostringstream out;
  for (const Fault& fault : list) {
    if (fault.count == 0) continue;
    out << fault.call << ' ' << fault.status << ' ' << fault.count << (fault.after ? " after" : "") << '\n';
  }
  return out.str();
}

std::optional<Faults> Faults::parse(const std::string& text) {
  Faults faults;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (is_blank(line)) continue;
    std::istringstream words(line);
    Fault fault{};
    std::string when;
    words >> fault.call;
    if (!read_number(words, fault.status) || !read_number(words, fault.count)) return std::nullopt;
    words >> when;
    fault.after = when == "after";
    faults.list.push_back(fault);
  }
  return faults;
}

bool is_link_name(const char* name) {
  const std::size_t length = std::strlen(name);
  if (length == 0 || length >= kMaxLinkNameLen) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto allowed = [&](char c) { return digit(c) || std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '.'; };
  if (!std::all_of(name, name + length, allowed) || digit(name[0]) || !digit(name[length - 1])) return false;
  const char* number = name + length;
  while (digit(number[-1])) number--;
  return number[0] != '0' || number[1] == '\0';
}

}  // namespace fake_libs
