mod boxes;
mod kit;
mod refusals;
mod slides;
mod svg;
mod templates;
