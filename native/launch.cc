#include "launch.h"

#include <cmath>
#include <map>

#include "error.h"
#include "read.h"

namespace selfsame {
namespace {

// Made at the first use and never destroyed: the ops register before main, the queue's thread may outlive main.
std::map<std::string, Make>& registry() {
  static auto* ops = new std::map<std::string, Make>();
  return *ops;
}

std::string nameOf(Field field) {
  return field.index < 0 ? field.name : std::string(field.name) + "[" + std::to_string(field.index) + "]";
}

/** The largest whole number that a double holds exactly. */
constexpr double kMostWhole = 9007199254740991.0;

}  // namespace

Op::Op(const char* name, Make make) { registry().emplace(name, make); }

Make makeOf(const std::string& op) {
  const auto found = registry().find(op);
  return found == registry().end() ? nullptr : found->second;
}

std::vector<std::string> opNames() {
  std::vector<std::string> names;
  for (const auto& [name, make] : registry()) names.push_back(name);
  return names;
}

/** The JavaScript side of Launch, and what it has handed out so far. */
class Launch::Reader {
 public:
  struct Range {
    std::string name;
    const Memory* memory;
    int64_t begin, end;
    bool written;
  };

  Reader(Napi::Object object, std::string op, const Memories& memories, const Settings& settings)
      : object(object), op(std::move(op)), memories(memories), settings(settings) {}

  Napi::Value get(Field field) const {
    const Napi::Value value = object.Get(field.name);
    if (field.index < 0) return value;
    if (!value.IsArray()) throw Error(op + ": wants a list for " + field.name);
    return value.As<Napi::Array>().Get(static_cast<uint32_t>(field.index));
  }

  const Napi::Object object;
  const std::string op;
  const Memories& memories;
  const Settings& settings;
  std::vector<Range> ranges;
  std::vector<std::shared_ptr<Memory>> operands;
};

const std::string& Launch::op() const { return reader_.op; }

const Settings& Launch::settings() const { return reader_.settings; }

void Launch::refuse(const std::string& message) const { throw Error(reader_.op + ": " + message); }

bool Launch::has(Field field) const {
  const Napi::Value value = reader_.get(field);
  return !value.IsUndefined() && !value.IsNull();
}

bool Launch::isOperand(Field field) const { return reader_.get(field).IsObject(); }

double Launch::number(Field field) const {
  const Napi::Value value = reader_.get(field);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!std::isfinite(number)) refuse("wants a finite number for " + nameOf(field));
  return number;
}

int64_t Launch::whole(Field field, int64_t least) const {
  const double value = number(field);
  if (value != std::floor(value) || value < static_cast<double>(least) || value > kMostWhole) {
    refuse("wants a whole number of at least " + std::to_string(least) + " for " + nameOf(field) + ", got " +
           std::to_string(value));
  }
  return static_cast<int64_t>(value);
}

bool Launch::flag(Field field) const {
  const Napi::Value value = reader_.get(field);
  if (!value.IsBoolean()) refuse("wants true or false for " + nameOf(field));
  return value.As<Napi::Boolean>().Value();
}

std::string Launch::text(Field field) const {
  const Napi::Value value = reader_.get(field);
  if (!value.IsString()) refuse("wants a word for " + nameOf(field));
  return value.As<Napi::String>().Utf8Value();
}

int Launch::length(Field field) const {
  const Napi::Value value = reader_.get(field);
  if (!value.IsArray()) refuse("wants a list for " + nameOf(field));
  return static_cast<int>(value.As<Napi::Array>().Length());
}

int64_t Launch::bytes(Field field) const {
  const Napi::Value value = reader_.get(field);
  if (!value.IsObject()) refuse("wants a part of a buffer for " + nameOf(field));
  const Napi::Value bytes = value.As<Napi::Object>().Get("bytes");
  const double number = bytes.IsNumber() ? bytes.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= 0 && number <= kMostWhole && number == std::floor(number))) {
    refuse("wants whole numbers of bytes for " + nameOf(field));
  }
  return static_cast<int64_t>(number);
}

std::vector<int64_t> Launch::wholes(Field field, int64_t least) const {
  const Napi::Value value = reader_.get(field);
  if (!value.IsArray()) refuse("wants a list for " + nameOf(field));
  const auto list = value.As<Napi::Array>();
  std::vector<int64_t> numbers;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value each = list.Get(i);
    const double number = each.IsNumber() ? each.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= static_cast<double>(least) && number <= kMostWhole && number == std::floor(number))) {
      refuse("wants whole numbers of at least " + std::to_string(least) + " in " + nameOf(field));
    }
    numbers.push_back(static_cast<int64_t>(number));
  }
  return numbers;
}

int64_t Launch::bytesOf(Extent extent, int64_t each) const {
  int64_t bytes = each;
  for (const int64_t size : extent) {
    // Larger than any memory, and far from overflowing.
    if (size < 0 || (size > 0 && bytes > (int64_t{1} << 52) / size)) refuse("has sizes that no memory could hold");
    bytes *= size;
  }
  return bytes;
}

std::byte* Launch::operand(Field field, int64_t bytes, bool written) {
  const std::string name = nameOf(field);
  const auto object = [&](const Napi::Value& value) {
    if (!value.IsObject()) refuse("wants a part of a buffer for " + name);
    return value.As<Napi::Object>();
  };
  const auto number = [&](const Napi::Value& value) {
    const double found = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(found >= 0 && found <= kMostWhole && found == std::floor(found))) {
      refuse("wants whole numbers of bytes for " + name);
    }
    return static_cast<int64_t>(found);
  };
  const Napi::Object slice = object(reader_.get(field));
  const Napi::Object buffer = object(slice.Get("buffer"));
  const int64_t offset = number(slice.Get("offset"));
  const int64_t length = number(slice.Get("bytes"));
  const int64_t whole = number(buffer.Get("bytes"));
  const int64_t id = number(object(buffer.Get("memory")).Get("id"));
  if (buffer.Get("freed").ToBoolean()) refuse(name + " was freed");
  const auto memory = id <= UINT32_MAX ? reader_.memories.find(static_cast<uint32_t>(id)) : nullptr;
  if (!memory) refuse(name + " is no memory of this device");
  if (offset % 256 != 0) {
    refuse(name + " begins at byte " + std::to_string(offset) + ", wants a multiple of 256");
  }
  if (length < 1 || offset + length > std::min(whole, static_cast<int64_t>(memory->bytes))) {
    refuse(name + " covers bytes " + std::to_string(offset) + " to " + std::to_string(offset + length) +
           " of a buffer of " + std::to_string(whole));
  }
  if (length < bytes) {
    refuse("wants " + std::to_string(bytes) + " bytes for " + name + ", got " + std::to_string(length));
  }
  const Reader::Range range{name, memory.get(), offset, offset + length, written};
  for (const auto& other : reader_.ranges) {
    const bool overlap = other.memory == range.memory && other.begin < range.end && range.begin < other.end;
    if (!overlap || !(other.written || written)) continue;
    refuse(other.name + " and " + name + " are the same memory, and one is written");
  }
  reader_.ranges.push_back(range);
  std::byte* data = memory->data + offset;
  reader_.operands.push_back(memory);
  return data;
}

Command read(Napi::Value value, const Memories& memories, const Settings& settings) {
  if (!value.IsObject()) throw Error("launch: wants an object with the field op");
  const auto object = value.As<Napi::Object>();
  const Napi::Value name = object.Get("op");
  if (!name.IsString()) throw Error("launch: wants the name of an op in the field op");
  const std::string op = name.As<Napi::String>().Utf8Value();
  const Make make = makeOf(op);
  if (!make) throw Error(op + ": not an op of the CPU device");
  Launch::Reader reader(object, op, memories, settings);
  Launch launch(reader);
  Run run = make(launch);
  return Command{op, std::move(run), std::move(reader.operands)};
}

}  // namespace selfsame
