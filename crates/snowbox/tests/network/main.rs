//! The programs together, and what stands around them; each module's name says which behaviour it is about.

mod interop_go_peers;
mod links_keep_their_shape;
mod logs_hide_addresses;
mod our_client_go_server;
mod real_tor;
mod rendezvous_methods;
mod scenario_bufferbloat;
mod scenario_sessions;
mod scenario_users;
mod stdout_is_only_pt;
mod support;
mod torrc_files;
mod whole_chain;
