//! What every bus must do, checked on each: in memory under a paused clock, and over a real server.
//! Besides, what each promises alone.

mod both;
mod events;
mod faults;
mod kit;
mod memory;
mod misuse;
mod queues;
mod server;
mod users;
