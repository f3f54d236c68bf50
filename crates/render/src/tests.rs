mod boxes;
mod kit;
mod refusals;
mod svg;
