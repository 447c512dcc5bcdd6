package expr

// The limits of an expression. Together they bound the time an evaluation
// takes (below 10 ms) and the memory it needs (below 1 MiB).
const (
	MaxLength = 1024 // bytes of source
	MaxDepth  = 64   // nesting of parentheses, calls, signs and exponents
	MaxNodes  = 512  // numbers, names, calls and operators
)

// node is one part of a parsed expression: a number, a name or an operator.
type node struct {
	token
	called bool    // a name with arguments, maybe none
	args   []*node // arguments, or operands; a sign has one
}

// The binding powers. A sign binds tighter than * on its right and looser than
// ** there, which makes -2**2 the negation of 2**2.
const (
	powerSum      = 1
	powerProduct  = 2
	powerSign     = 3
	powerExponent = 4
)

func bindingPower(op operator) int {
	switch op {
	case opAdd, opSubtract:
		return powerSum
	case opPower:
		return powerExponent
	default:
		return powerProduct
	}
}

// parser is a Pratt parser: every operator has a binding power, and an operand
// extends as far as operators bind at least as tightly as its caller asks.
//
// The first failure sticks and ends the tokens, so that every method returns
// soon; what they return then is not used.
type parser struct {
	scan  scanner
	tok   token // the token not consumed yet
	nodes int
	depth int
	fail  *failure
}

// parse reads the whole source as one expression.
func parse(source string) (*node, *failure) {
	if f := checkLength("expression", source); f != nil {
		return nil, f
	}
	p := &parser{scan: scanner{source: source}}
	p.advance()
	if p.tok.kind == tokenEnd {
		p.refuse(failf(syntaxError, "the expression is empty").at(0))
	}
	root := p.expression(powerSum)
	if p.tok.kind != tokenEnd {
		p.refuseOperand()
	}
	return root, p.fail
}

// advance reads the next token.
func (p *parser) advance() {
	if p.fail != nil {
		return
	}
	tok, f := p.scan.next()
	if p.tok = tok; f != nil {
		p.refuse(f)
	}
}

// refuse makes f the failure, at the current token unless f says where.
func (p *parser) refuse(f *failure) {
	if p.fail == nil {
		p.fail = f.at(p.tok.pos)
	}
	p.tok = token{kind: tokenEnd}
}

// take makes a node of the current token and moves behind it.
func (p *parser) take(args ...*node) *node {
	n := &node{token: p.tok, args: args}
	if p.nodes++; p.nodes > MaxNodes {
		p.refuse(failf(syntaxError, "the expression has more than %d parts", MaxNodes))
	}
	p.advance()
	return n
}

// expression reads an operand and all operators that bind at least as tightly
// as least.
func (p *parser) expression(least int) *node {
	left := p.operand()
	for p.tok.kind == tokenOperator && bindingPower(p.tok.op) >= least {
		n := p.take(left)
		var right *node
		if n.op == opPower {
			right = p.nested(powerExponent) // right-associative, so a chain of powers nests
		} else {
			right = p.expression(bindingPower(n.op) + 1)
		}
		n.args = append(n.args, right)
		left = n
	}
	return left
}

// nested reads an expression one level deeper.
func (p *parser) nested(least int) *node {
	if p.depth == MaxDepth {
		p.refuse(failf(syntaxError, "the expression nests deeper than %d levels", MaxDepth))
	}
	p.depth++
	defer func() { p.depth-- }()
	return p.expression(least)
}

// operand reads a number, a name, a call, a sign with its operand or a
// parenthesis.
func (p *parser) operand() *node {
	switch t := p.tok; {
	case t.kind == tokenNumber:
		return p.take()
	case t.kind == tokenName:
		n := p.take()
		if p.tok.kind == tokenOpen {
			n.called, n.args = true, p.arguments()
		}
		return n
	case t.kind == tokenOperator && bindingPower(t.op) == powerSum:
		n := p.take()
		n.args = []*node{p.nested(powerSign)}
		return n
	case t.kind == tokenOpen:
		p.advance()
		n := p.nested(powerSum)
		p.closing(t)
		return n
	}
	p.refuse(failf(syntaxError, "unexpected %s", p.tok).hinting("a value is missing before it"))
	return &node{}
}

// arguments reads the arguments of a call, with Python's optional comma behind
// the last one.
func (p *parser) arguments() []*node {
	open := p.tok
	p.advance()
	var args []*node
	for p.tok.kind != tokenClose {
		args = append(args, p.nested(powerSum))
		if p.tok.kind != tokenComma {
			break
		}
		p.advance()
	}
	p.closing(open)
	return args
}

// closing reads the parenthesis that belongs to open.
func (p *parser) closing(open token) {
	switch p.tok.kind {
	case tokenClose:
		p.advance()
	case tokenEnd:
		p.refuse(failf(syntaxError, "the '(' was never closed").at(open.pos))
	default:
		p.refuseOperand()
	}
}

// refuseOperand refuses the current token behind a complete operand.
func (p *parser) refuseOperand() {
	switch f := failf(syntaxError, "unexpected %s", p.tok); p.tok.kind {
	case tokenClose:
		p.refuse(failf(syntaxError, "the ')' was never opened"))
	case tokenComma:
		p.refuse(f.hinting("a comma only separates arguments, the decimal point is a dot"))
	default:
		p.refuse(f.hinting("an operator is missing before it"))
	}
}
