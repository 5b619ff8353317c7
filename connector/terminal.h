#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb::connector {

// Questions to a person, over two file descriptors that outlive it. One caller at a time. An end of the input in the
// middle of a question is Fault::invalid.
class Terminal {
 public:
  Terminal(int in, int out) : in_(in), out_(out) {}

  void say(std::string_view text) const;  // as it is; write the newline
  // One line, without spaces around it; empty for Enter.
  Result<std::string> ask(std::string_view question) const;
  // The same without showing what is typed, where the input is a terminal. Ctrl-C ends with an error there.
  Result<Secret> ask_hidden(std::string_view question) const;

 private:
  Result<std::string> line() const;

  int in_, out_;
};

}  // namespace plumb::connector
