#pragma once

#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/link/asker.h"
#include "controller/link/directory_codec.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/sign_in.h"

namespace plumb::remote {

struct Options {
  std::string group;               // "namespace/group" of Connectors
  link::DirectoryOpening opening;  // without `password`
  std::string password_from;       // a SecretStore reference, fetched anew each time the domain is opened; or
                                   // "connector:NAME", which stays a name here
  std::string actor;               // for whom, in the log of the connector's site
};

// A Directory that an agent works on, over libldap, beside the domain. Whoever of the group is online is taken, and
// kept while it is; when its link breaks, the next call goes to another one, and a read under way is asked again there.
// A write that was under way is Fault::timeout, as with libldap: it may have been done, and is not sent again. Writes
// stay with the domain controller whose changes were followed, whichever agent sends them. Its cursors name the
// identities on whose word they rest: none can be gone on from once one of these is not good any more. All must outlive
// it.
std::unique_ptr<Directory> make_directory(Options options, link::Asker& asker, SecretStore& secrets,
                                          const Clock& clock);

std::unique_ptr<DirectoryWatch> make_watch(Options options, link::Asker& asker, SecretStore& secrets,
                                           const Clock& clock);

// People of the domain are known by their password, which the agent tries there. It is asked once, whatever becomes of
// it: a password that may have been tried counts in the domain.
std::unique_ptr<SignIn> make_sign_in(Options options, link::Asker& asker, SecretStore& secrets, const Clock& clock);

}  // namespace plumb::remote
