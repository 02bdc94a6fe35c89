#include "node/arguments.h"

#include <cmath>
#include <cstdint>

namespace sledcast::node {

bool toText(const Napi::Value& value, std::string& text) {
  if (!value.IsString()) return false;
  text = value.As<Napi::String>().Utf8Value();
  return text.find('\0') == std::string::npos;
}

bool toDescriptor(const Napi::Value& value, int& fd) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= INT32_MAX && std::trunc(number) == number)) return false;
  fd = static_cast<int>(number);
  return true;
}

}  // namespace sledcast::node
