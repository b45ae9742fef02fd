// Code that V8 kept compiled cannot import modules by itself.
module.exports = (name) => import(name);
