#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::link {

// What an agent can be asked. Payloads: directory_codec.h, http_codec.h, agent_codec.h.
enum class Method : std::uint8_t {
  open_directory = 1,  // a connection to a domain: gives a handle, good while the session is
  close_handle,
  read_all,
  pages_begin,
  pages_next,
  pages_end,
  find,
  cursor,
  changes_since,
  continues,
  history,
  write,
  about,
  open_watch,
  watch_wait,
  sign_in,
  http_send,
  logs,         // files of the log, whole
  follow_logs,  // lines as they are written, until cancelled
  test_targets,
};
std::string_view to_string(Method method);  // empty: there is none

using SessionId = std::uint64_t;

// One question to an agent.
struct Ask {
  // Of Connectors: any member that is online and takes work, "namespace/name-of-the-group". Or one Connector, enabled
  // or not: "Connector/namespace/name".
  std::string group;
  SessionId session = 0;  // not zero: this one alone, whatever the group; where what was opened before is
  Method method = Method::about;
  std::string payload{};
  Duration limit = std::chrono::seconds(30);
  std::optional<SteadyTime> asked{};  // from when `limit` counts; nothing: from when the hub has it
  std::string actor{};                // for whom; the agent's site keeps it in its own log
  // Identities of agents on whose word the question rests. Fault::conflict, and nobody is asked, where one of them is
  // not good any more: revoked, replaced, or held as there are two of it.
  std::vector<std::string> rests_on{};
};

// Who waits for the answer. Called on a thread of the Asker's, one call at a time; must not block.
class Sink {
 public:
  virtual ~Sink() = default;
  // At most once: who works on it.
  virtual void assigned(SessionId session, const std::string& identity) = 0;
  virtual void part(std::string bytes) = 0;  // in order; only as much comes as there is credit for
  // Once, last. An error: what came before is worth nothing. `answered`: the agent says so; else the link does, or
  // nobody was asked.
  virtual void done(Result<std::string> end, bool answered) = 0;
};

constexpr std::uint32_t kFirstCredit = 1U << 20U;  // bytes of parts that may come before credit is given

// Puts questions to agents. Thread-safe. Nothing is asked twice, and nothing is asked again when a link breaks: the
// Sink gets Fault::unavailable if the agent cannot have begun, and Fault::timeout if it may have.
class Asker {
 public:
  virtual ~Asker() = default;
  // An id for the two below. `sink` may be called before it returns, from another thread.
  virtual std::uint64_t ask(Ask ask, std::shared_ptr<Sink> sink) = 0;
  virtual void credit(std::uint64_t id, std::uint32_t bytes) = 0;
  virtual void cancel(std::uint64_t id) = 0;  // the sink is not called any more once this was taken up
  // The session could not do what another one of its group may be able to: for half a minute it is taken last. A hint.
  virtual void complain(SessionId /*session*/) {}
};

}  // namespace plumb::link
