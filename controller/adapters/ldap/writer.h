#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/adapters/ldap/connection.h"
#include "controller/ports/directory.h"

namespace plumb::ldap {

// Sends batches of writes over one connection, many in flight, and matches the answers by message id. While there is
// something in flight, nobody else may use the connection.
class Writer {
 public:
  // Writes that were begun together. Their answers are there once nothing of them is open.
  struct Batch {
    std::vector<DirectoryWrite> writes;
    Deadline deadline;
    std::vector<std::optional<Result<std::string>>> results;
    std::vector<std::string> parents;           // found by Step::ask_place
    std::vector<std::size_t> added;             // whose ids are asked for once all are written
    std::size_t unwritten = 0, unanswered = 0;  // without an answer to the write; without a result
  };

  Writer(Connection& connection, const Options& options, const Clock& clock)
      : connection_(connection), options_(options), clock_(clock) {}

  // Sends as many as may be in flight; does not wait for answers.
  std::shared_ptr<Batch> begin(std::vector<DirectoryWrite> writes, Deadline deadline);
  // Until the batch has all its answers; in the order of its writes.
  Directory::Answers finish(Batch& batch);
  void finish_all();
  bool idle() const { return waiting_.empty() && in_flight_.empty(); }
  // Whether the connection failed on the way and must be thrown away. All batches have their answers then.
  bool broken() const { return broken_; }

 private:
  // A write goes through one or two requests: a rename without a new parent asks before where the object is. The ids
  // of what was added are asked for by many names at once, or one by one where there is no such name.
  enum class Step { write, ask_place, ask_ids };
  struct Request {
    std::shared_ptr<Batch> batch;
    std::vector<std::size_t> indexes;  // of writes: one, but for ask_ids
    Step step = Step::write;
    std::size_t index() const { return indexes.front(); }
    const DirectoryWrite& write() const { return batch->writes[index()]; }
  };

  void fill_window();
  void take_answer();
  Result<int> send(const Request& request);
  Result<int> send_write(const Request& request);
  Result<int> send_question(const std::string& base, int scope, const std::string& filter, bool with_marker);
  Result<int> send_ids(const Request& request);
  Result<int> send_add_or_modify(const DirectoryWrite& write);
  Result<int> send_move(const Request& request);
  Result<int> sent(int code, int id);
  void handle(const Answer& answer);
  void handle_end(const Request& request, const Answer& answer);
  void handle_write(const Request& request, const Answer& answer);
  void handle_place(const Request& request, const Answer& answer);
  void handle_id(const Request& request, const Answer& answer);
  std::string value_of(const Answer& answer, const char* name) const;
  std::string dn_of(const Answer& answer) const;
  void ask_ids(const std::shared_ptr<Batch>& batch);
  void give_up(const Error& error);
  void give_up(const Request& request, const Error& error, bool was_sent);
  void finish(Batch& batch, std::size_t index, Result<std::string> result);
  void written(const std::shared_ptr<Batch>& batch);

  Connection& connection_;
  const Options& options_;
  const Clock& clock_;
  std::deque<Request> waiting_;
  std::map<int, Request> in_flight_;
  bool broken_ = false;
};

}  // namespace plumb::ldap
