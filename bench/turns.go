package main

import (
	"context"
	"fmt"
	"slices"
)

// entrant is one of those who are measured by turns.
type entrant struct {
	name    string
	measure func(ctx context.Context, conns int) (sample, error)
}

// series are an entrant's samples, one a round, by the number of connections
// and the entrant's name.
type series map[int]map[string][]sample

// takeTurns measures every entrant once in each round, at each number of
// connections. Every other round has them in reversed order, so that nobody is
// always the one after whom the machine is warm, or busy with something else.
func takeTurns(ctx context.Context, p plan, what string, entrants []entrant) (series, error) {
	results := series{}
	for _, conns := range p.conns {
		results[conns] = map[string][]sample{}
	}
	for round := range p.rounds {
		order := slices.Clone(entrants)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, conns := range p.conns {
			for _, e := range order {
				s, err := e.measure(ctx, conns)
				if err != nil {
					return nil, fmt.Errorf("%s: %s at %d: %w", what, e.name, conns, err)
				}
				results[conns][e.name] = append(results[conns][e.name], s)
			}
		}
		p.note("%s: round %d of %d", what, round+1, p.rounds)
	}
	return results, nil
}
