package server

import (
	"context"
	"time"

	"toolpit/api"
	"toolpit/internal/store"
)

// State is the state of a component.
type State string

// The states.
const (
	Up       State = "up"
	Down     State = "down"
	Draining State = "draining"
)

// Component is something a replica needs in order to serve.
type Component struct {
	Name    string
	State   State
	Detail  string        // what is wrong with it; shown to anybody
	Latency time.Duration // how long it took to answer; 0 is not shown
}

// Durability is what writes survive.
type Durability struct {
	Level   store.Durability   // every write has it before it is answered
	Honours []store.Durability // what the store could do at present; nothing while it does not say
}

// Readiness is what a replica needs, and what it promises. It is ready when all
// components are up.
type Readiness struct {
	Components []Component
	Durability Durability
}

// GetRoot says where to go from here.
func (s *service) GetRoot(context.Context, api.GetRootRequestObject) (api.GetRootResponseObject, error) {
	return api.GetRoot200JSONResponse{Name: "toolpit", Version: s.replica.Version, Links: map[string]string{
		"docs":         "/docs",
		"errors":       "/docs/errors",
		"execute":      "/execute",
		"livez":        "/livez",
		"metrics":      "/metrics",
		"openapi":      "/openapi.json",
		"openapi_yaml": "/openapi.yaml",
		"readyz":       "/readyz",
		"sessions":     "/sessions",
		"tools":        "/tools",
	}}, nil
}

// GetLivez says that the process answers.
func (s *service) GetLivez(context.Context, api.GetLivezRequestObject) (api.GetLivezResponseObject, error) {
	return api.GetLivez200JSONResponse{
		Status: api.LivenessStatusAlive, ReplicaID: s.replica.ID, Version: s.replica.Version, StartedAt: s.replica.StartedAt.UTC(),
	}, nil
}

// GetReadyz says whether requests may be sent here.
func (s *service) GetReadyz(ctx context.Context, _ api.GetReadyzRequestObject) (api.GetReadyzResponseObject, error) {
	r := api.Readiness{
		Status: api.ReadinessStatusReady, ReplicaID: s.replica.ID, Version: s.replica.Version, Components: []api.Component{},
	}
	is := s.ready(ctx)
	if d := is.Durability; d.Level != "" {
		r.Durability = &api.Durability{Level: api.DurabilityLevel(d.Level), Honours: []api.DurabilityLevel{}}
		for _, level := range d.Honours {
			r.Durability.Honours = append(r.Durability.Honours, api.DurabilityLevel(level))
		}
	}
	for _, c := range is.Components {
		component := api.Component{Name: c.Name, Status: api.ComponentStatus(c.State), Detail: c.Detail}
		if c.Latency > 0 {
			component.LatencyMS = new(inMilliseconds(c.Latency))
		}
		if c.State != Up {
			r.Status = api.ReadinessStatusNotReady
		}
		r.Components = append(r.Components, component)
	}
	if r.Status != api.ReadinessStatusReady {
		return api.GetReadyz503JSONResponse(r), nil
	}
	return api.GetReadyz200JSONResponse(r), nil
}
