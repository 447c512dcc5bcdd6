package expr

import "math"

// Eval computes the value of an arithmetic expression. It fails with
// [fault.ConstraintViolation] when the expression exceeds a limit, is
// malformed, uses an unknown name, or has no value: its Facts then hold the
// class of the error, named as in Python (SyntaxError, NameError, TypeError,
// ValueError, ZeroDivisionError or OverflowError), the byte offset in source,
// and near names of an unknown one.
func Eval(source string) (Number, error) {
	root, f := parse(source)
	if f != nil {
		return result(Number{}, f)
	}
	return result(root.value())
}

// value computes the value of a node; a failure knows its position.
func (n *node) value() (Number, *failure) {
	v, f := n.compute()
	return v, f.at(n.pos)
}

func (n *node) compute() (Number, *failure) {
	switch {
	case n.edge:
		return Number{}, beyond("the number")
	case n.kind == tokenNumber:
		return n.number, nil
	case n.called:
		return n.call()
	case n.kind == tokenName:
		return n.constant()
	case len(n.args) == 1 && n.args[0].edge && n.op == opSubtract:
		return NewInt(math.MinInt64), nil
	}
	args, f := n.values()
	switch {
	case f != nil:
		return Number{}, f
	case len(args) == 2:
		return n.op.apply(args[0], args[1])
	case n.op == opSubtract:
		return negate(args[0])
	}
	return args[0], nil
}

// values computes the operands or arguments from left to right.
func (n *node) values() ([]Number, *failure) {
	values := make([]Number, len(n.args))
	for i, a := range n.args {
		var f *failure
		if values[i], f = a.value(); f != nil {
			return nil, f
		}
	}
	return values, nil
}

func (n *node) constant() (Number, *failure) {
	if v, ok := constantNamed(n.text); ok {
		return v, nil
	}
	if _, ok := functionNamed(n.text); ok {
		return Number{}, failf(typeError, "the function %s lacks its arguments", n.text).
			hinting("write " + n.text + "(...)")
	}
	return Number{}, n.unknown()
}

func (n *node) call() (Number, *failure) {
	fn, ok := functionNamed(n.text)
	if !ok {
		if _, ok := constantNamed(n.text); ok {
			return Number{}, failf(typeError, "the constant %s is called like a function", n.text)
		}
		return Number{}, n.unknown()
	}
	if f := fn.checkCount(len(n.args)); f != nil {
		return Number{}, f
	}
	args, f := n.values()
	if f != nil {
		return Number{}, f
	}
	return fn.call(fn.name, args)
}

func (n *node) unknown() *failure {
	return failf(nameError, "unknown name %s", quote(n.text)).suggesting(namesNear(n.text))
}
