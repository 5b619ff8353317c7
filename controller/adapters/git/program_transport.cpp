#include "controller/adapters/git/program_transport.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <git2/sys/transport.h>

#include "controller/adapters/git/process.h"

namespace plumb::git {
namespace {

int refuse(const std::string& message) {
  git_error_set_str(GIT_ERROR_NET, message.c_str());
  return -1;
}

// libgit2 has one subtransport a connection and one stream in it; both are this object. It is used from one
// thread, and `stream` and `transport` come first in what libgit2 has pointers to.
struct Talk;
struct TalkStream {
  git_smart_subtransport_stream stream{};
  Talk* owner = nullptr;
};
struct Talk {
  git_smart_subtransport transport{};
  TalkStream stream;
  const Program* program = nullptr;
  std::optional<Conversation> conversation;

  std::string name() const { return std::filesystem::path(program->command.front()).filename(); }
};

Talk& owner_of(git_smart_subtransport_stream* stream) { return *reinterpret_cast<TalkStream*>(stream)->owner; }
Talk& self(git_smart_subtransport* transport) { return *reinterpret_cast<Talk*>(transport); }

int stream_read(git_smart_subtransport_stream* stream, char* buffer, std::size_t size, std::size_t* got) {
  Talk& own = owner_of(stream);
  *got = 0;
  if (!own.conversation) return refuse("not connected");
  auto read = own.conversation->read(buffer, size, own.program->deadline);
  if (!read) return refuse(read.error().message);
  if (*read == 0) {
    const std::string said = own.conversation->errors();
    return refuse(said.empty() ? "the server closed the connection" : own.name() + ": " + said);
  }
  *got = *read;
  return 0;
}

int stream_write(git_smart_subtransport_stream* stream, const char* buffer, std::size_t size) {
  Talk& own = owner_of(stream);
  if (!own.conversation) return refuse("not connected");
  const auto written = own.conversation->write({buffer, size}, own.program->deadline);
  if (written) return 0;
  const std::string said = own.conversation->errors();
  return refuse(said.empty() ? written.error().message : own.name() + ": " + said);
}

void stream_free(git_smart_subtransport_stream*) {}

int action(git_smart_subtransport_stream** out, git_smart_subtransport* transport, const char*,
           git_smart_service_t service) {
  Talk& own = self(transport);
  if (service == GIT_SERVICE_UPLOADPACK_LS) {
    auto started = Conversation::start(own.program->command, own.program->home);
    if (!started) return refuse(started.error().message);
    own.conversation.emplace(std::move(*started));
  } else if (service != GIT_SERVICE_UPLOADPACK || !own.conversation) {
    return refuse("only reading is offered");
  }
  *out = &own.stream.stream;
  return 0;
}

int close_transport(git_smart_subtransport* transport) {
  self(transport).conversation.reset();
  return 0;
}

void free_transport(git_smart_subtransport* transport) { delete &self(transport); }

int make_subtransport(git_smart_subtransport** out, git_transport*, void* param) {
  auto* const own = new Talk;
  own->program = static_cast<const Program*>(param);
  own->transport.action = action;
  own->transport.close = close_transport;
  own->transport.free = free_transport;
  own->stream.owner = own;
  own->stream.stream.subtransport = &own->transport;
  own->stream.stream.read = stream_read;
  own->stream.stream.write = stream_write;
  own->stream.stream.free = stream_free;
  *out = &own->transport;
  return 0;
}

// The remote side has a shell.
std::string quoted_for_shell(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

int make_program_transport(git_transport** out, git_remote* owner, const Program& program) {
  git_smart_subtransport_definition definition{};
  definition.callback = make_subtransport;
  definition.rpc = 0;
  definition.param = const_cast<Program*>(&program);
  return git_transport_smart(out, owner, &definition);
}

std::vector<std::string> ssh_command(const SshOptions& options, Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(deadline.left(std::chrono::steady_clock::now()));
  const auto seconds = std::clamp<std::int64_t>(left.count(), 1, 3600);
  std::vector<std::string> command = {"/usr/bin/ssh", "-F", "/dev/null", "-T"};
  for (const std::string& option :
       {std::string("BatchMode=yes"), std::string("StrictHostKeyChecking=yes"), std::string("UpdateHostKeys=no"),
        "UserKnownHostsFile=\"" + options.known_hosts_file + "\"", std::string("GlobalKnownHostsFile=/dev/null"),
        "IdentityFile=\"" + options.key_file + "\"", std::string("IdentitiesOnly=yes"),
        std::string("IdentityAgent=none"), std::string("PreferredAuthentications=publickey"),
        std::string("ClearAllForwardings=yes"), std::string("ForwardAgent=no"), std::string("LogLevel=ERROR"),
        fmt::format("ConnectTimeout={}", seconds), std::string("ServerAliveInterval=15")}) {
    command.push_back("-o");
    command.push_back(option);
  }
  if (!options.url.port.empty()) command.insert(command.end(), {"-p", options.url.port});
  const bool in_brackets = options.url.host.starts_with('[');
  const std::string host = in_brackets ? options.url.host.substr(1, options.url.host.size() - 2) : options.url.host;
  // "/~user/x" is "~user/x" to the server, which expands it.
  std::string path = options.url.path;
  if (path.starts_with("/~")) path.erase(0, 1);
  command.insert(command.end(), {"-l", options.user, "--", host, "git-upload-pack " + quoted_for_shell(path)});
  return command;
}

std::vector<std::string> local_command(const Url& url) {
  // libgit2 reads %20 as a blank; git does not.
  if (!can_be_run(kGit) || url.path.find('%') != std::string::npos) return {};
  // Whose the repository is does not matter, as it does not to libgit2 here: nothing in it is run. By name it could
  // not be excepted: git compares what it finds behind links and below the work tree.
  return {kGit, "-c", "safe.directory=*", "upload-pack", "--", url.path};
}

}  // namespace plumb::git
