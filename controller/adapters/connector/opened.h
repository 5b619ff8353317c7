#pragma once

#include <optional>
#include <string>

#include "controller/adapters/connector/remote_directory.h"
#include "controller/link/conversation.h"

namespace plumb::remote {

// The settings with the password as it is now, or its name at the site.
Result<link::DirectoryOpening> opening_of(const Options& options, SecretStore& secrets);

// Something that an agent has opened for us, and the session in which that is so.
class Opened {
 public:
  Opened(Options options, link::Method method, link::Asker& asker, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), method_(method), asker_(asker), secrets_(secrets), clock_(clock) {}
  ~Opened() { close(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  // Nothing happens if it is open. True: it was opened just now.
  Result<bool> ensure(Deadline deadline);
  bool is_open(std::uint64_t generation) const { return session_ != 0 && generation == generation_; }
  std::uint64_t generation() const { return generation_; }   // how often it was opened
  const std::string& identity() const { return identity_; }  // of the agent that last had it open
  // A question to who has it open; `payload` comes after the handle.
  link::Ask ask(link::Method method, std::string_view payload, Deadline deadline) const;
  // The session is gone: the next ensure() opens anew, wherever.
  void drop() { session_ = 0; }
  void close();            // the same where it may be there: the agent is told
  void close_elsewhere();  // and it is better opened by another one
  // A question whose answer does not matter.
  void tell(link::Method method, std::string_view payload);
  link::Asker& asker() const { return asker_; }
  const Clock& clock() const { return clock_; }

 private:
  const Options options_;
  const link::Method method_;
  link::Asker& asker_;
  SecretStore& secrets_;
  const Clock& clock_;
  link::SessionId session_ = 0;
  std::uint32_t handle_ = 0;
  std::string identity_;
  std::uint64_t generation_ = 0;
};

}  // namespace plumb::remote
