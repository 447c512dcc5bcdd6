// Package binary is the group of tools whose subject is bytes: tensors that are
// built and stored as such, embeddings and how near they are, what encodings
// cost, and what is in a piece of data.
//
// Elements go to the store chunk by chunk, so that memory does not grow with
// the tensor. The package is not for reading tensors: the routes below
// /sessions/{id}/tensors do that.
package binary
