// Package npy reads and writes NumPy's file format for one array.
//
//	r, err := npy.NewReader(body) // refuses what is not an array of ours
//	h := r.Header()               // h.Descr "<f8", h.Shape [3 4], h.Fortran false
//	_, err = io.Copy(chunks, r)   // h.Bytes() bytes, little-endian; else an error
//
//	file, err := h.Append(nil)    // followed by the same bytes, what np.save writes
//
// It takes versions 1, 2 and 3 of the format, both orders, and six types of
// elements. Big-endian elements are turned around while they stream by: files
// of that kind still come from instruments and older archives, turning them
// costs less than hashing them, and whoever reads the bytes later need not know.
//
// The package knows nothing of variables: a type is NumPy's name for it, and a
// shape is a list of numbers. It never loads what a pickle would have to load.
package npy
