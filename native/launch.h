#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "memory.h"

namespace selfsame {

/** Runs a launch on the queue's thread. */
using Run = std::function<void(Scratch&)>;

/** A launch that was read and checked. It shares in the memory that `run` reads and writes. */
struct Command {
  std::string op;
  Run run;
  std::vector<std::shared_ptr<Memory>> operands;
};

/** What the device was opened with, and a planner may look at. */
struct Settings {
  /** Convolutions may be Winograd's, whose rounding errors are larger. */
  bool winograd = true;
};

/** A field of a launch: `out`, or element 1 of `operands`. */
struct Field {
  Field(const char* name, int index = -1) : name(name), index(index) {}
  const char* name;
  int index;
};

/** Sizes whose product is the number of elements of an operand. */
using Extent = std::initializer_list<int64_t>;

/**
 * Reads the fields of a launch, a plain JavaScript object, and checks them. Every pointer it hands out covers the
 * bytes that were asked for, and what is written overlaps no other operand, so that no launch reads or writes out of
 * bounds however wrong its fields are.
 *
 * Every function throws Error for a field that is missing or not what was asked for.
 */
class Launch {
 public:
  class Reader;
  explicit Launch(Reader& reader) : reader_(reader) {}

  const std::string& op() const;
  const Settings& settings() const;
  /** Whether the field is there and neither undefined nor null. */
  bool has(Field field) const;
  /** Whether the field is an operand rather than a number. */
  bool isOperand(Field field) const;
  /** A whole number of at least 1. */
  int64_t size(Field field) const { return whole(field, 1); }
  /** A whole number of at least `least`. */
  int64_t whole(Field field, int64_t least = 0) const;
  /** A finite number. */
  double number(Field field) const;
  bool flag(Field field) const;
  std::string text(Field field) const;
  /** How many elements the list has. */
  int length(Field field) const;
  /** How many bytes the launch says that an operand has. `in` and `out` check that they are there. */
  int64_t bytes(Field field) const;
  /** A list of whole numbers of at least `least`. */
  std::vector<int64_t> wholes(Field field, int64_t least = 0) const;

  /** An operand of at least as many elements as the extent has, that is read. */
  template <class T>
  const T* in(Field field, Extent extent) {
    return reinterpret_cast<const T*>(operand(field, bytesOf(extent, sizeof(T)), false));
  }
  /** … that is written, and may be read before. */
  template <class T>
  T* out(Field field, Extent extent) {
    return reinterpret_cast<T*>(operand(field, bytesOf(extent, sizeof(T)), true));
  }

  /** @throws Error with the op's name before it. */
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  int64_t bytesOf(Extent extent, int64_t each) const;
  std::byte* operand(Field field, int64_t bytes, bool written);

  Reader& reader_;
};

/** Reads a launch, checks it and returns what carries it out. Runs on JavaScript's thread, so it must be quick. */
using Make = Run (*)(Launch& launch);

/** The op's Make, or nothing. */
Make makeOf(const std::string& op);

/** The names of all ops, sorted. */
std::vector<std::string> opNames();

/** Registers an op while the addon is loaded: `static Op fill("fill", [](Launch& launch) -> Run { … });` */
struct Op {
  Op(const char* name, Make make);
};

}  // namespace selfsame
