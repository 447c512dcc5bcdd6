package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"golang.org/x/sync/semaphore"

	"toolpit/api"
	"toolpit/internal/execution"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/telemetry"
	"toolpit/internal/tools"
	"toolpit/internal/watch"
)

// Store is what the edge itself needs of a store.
type Store interface {
	store.Sessions
	store.Variables
	store.Blobs
	store.Answers
	Honours(ctx context.Context) ([]store.Durability, error) // see store.Health
}

// Executor runs a prepared call when there is room for it. The outcome is
// meaningful beside an error, too; see execution.Executor.
type Executor interface {
	Execute(ctx context.Context, timeout time.Duration, run *tools.Run) (execution.Outcome, error)
}

// Config is what a handler is made of.
type Config struct {
	Engine   *tools.Engine
	Executor Executor
	Store    Store
	Watch    *watch.Hub // follows the same store
	Keys     *Keys      // nil: nobody is asked for a key, and everything belongs to the owner "default"
	Replica  tools.Replica
	Limits   Limits
	// Streams, when it is done, ends the streams that can go on elsewhere. nil is
	// never done.
	Streams context.Context
	// Gate refuses requests until the service can serve them, with an error
	// that tells the caller why, such as fault.StoreUnavailable. Probes, the
	// documentation and the API document pass. nil is always open.
	Gate func() error
	// Ready tells what the replica needs in order to serve. nil needs nothing.
	Ready func(ctx context.Context) Readiness
	Log   *slog.Logger // nil: slog.Default
	// Access takes the lines of requests that went well; nil leaves them to Log.
	Access *AccessLog
	// Metrics counts requests and executions; nil counts for nobody.
	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing // nil traces nothing
}

// Limits bounds requests. The zero value of a field means the default.
type Limits struct {
	BodyBytes      int64         // of a JSON body; default 1 MiB
	EnvelopeBytes  int64         // of an exported session, and of a body that brings one; default 32 MiB
	TensorMemory   int64         // that tensors on their way may take together; default 64 MiB, at least LeastTensorMemory
	DefaultTTL     time.Duration // of a session that asks for none; default 1 h
	MaxTTL         time.Duration // default 30 days
	DefaultTimeout time.Duration // of a call that asks for none; default 60 s
	MaxTimeout     time.Duration // default 300 s
	Rate           float64       // requests a second of one owner; 0: any number
	Burst          int           // requests at once; default a second's worth
	Session        store.Limits  // what the store was opened with
}

// WithDefaults fills in what was left out.
func (l Limits) WithDefaults() Limits {
	fill := func(field *time.Duration, def time.Duration) {
		if *field == 0 {
			*field = def
		}
	}
	if l.BodyBytes == 0 {
		l.BodyBytes = 1 << 20
	}
	if l.EnvelopeBytes == 0 {
		l.EnvelopeBytes = 32 << 20
	}
	l.Session = l.Session.WithDefaults()
	if l.TensorMemory == 0 {
		l.TensorMemory = 64 << 20
	}
	fill(&l.DefaultTTL, time.Hour)
	fill(&l.MaxTTL, 30*24*time.Hour)
	fill(&l.DefaultTimeout, time.Minute)
	fill(&l.MaxTimeout, 5*time.Minute)
	return l
}

func (l Limits) check() error {
	if l.BodyBytes < 1 || l.EnvelopeBytes < 1 || l.Session.TensorBytes < 1 || l.TensorMemory < LeastTensorMemory ||
		l.DefaultTTL < time.Second || l.MaxTTL < l.DefaultTTL ||
		l.DefaultTimeout < time.Millisecond || l.MaxTimeout < l.DefaultTimeout {
		return fmt.Errorf("server: limits that contradict one another: %+v", l)
	}
	return nil
}

// service implements the operations; it is what the generated strict handler
// calls.
type service struct {
	engine   *tools.Engine
	executor Executor
	store    Store
	watch    *watch.Hub
	streams  context.Context
	large    places // for bodies and answers of up to EnvelopeBytes
	keys     *Keys
	rates    rates
	memory   *semaphore.Weighted // bytes of tensors and large answers on their way
	buffers  store.Buffers
	replica  tools.Replica
	limits   Limits
	gate     func() error
	ready    func(ctx context.Context) Readiness
	log      *slog.Logger
	access   *AccessLog
	series   *series
	scrape   http.Handler
	tracing  *telemetry.Tracing
	origins  *http.CrossOriginProtection

	catalog      *catalog
	documentJSON document
	documentYAML document
	errors       []byte // the page
	ui           *ui
}

var _ api.StrictServerInterface = (*service)(nil)

// New makes the handler of all routes. It fails when the configuration is
// incomplete, or when a tool cannot be described in the API document.
func New(cfg Config) (http.Handler, error) {
	if cfg.Engine == nil || cfg.Executor == nil || cfg.Store == nil || cfg.Watch == nil {
		return nil, errors.New("server: an Engine, an Executor, a Store and a Hub are needed")
	}
	s := &service{
		engine: cfg.Engine, executor: cfg.Executor, store: cfg.Store, watch: cfg.Watch, streams: cfg.Streams,
		large: make(places, maxLarge), keys: cfg.Keys, replica: cfg.Replica,
		limits: cfg.Limits.WithDefaults(), gate: cfg.Gate, ready: cfg.Ready, log: cfg.Log,
		access: cfg.Access, tracing: cfg.Tracing, origins: http.NewCrossOriginProtection(),
	}
	if err := s.limits.check(); err != nil {
		return nil, err
	}
	s.memory = semaphore.NewWeighted(s.limits.TensorMemory)
	s.rates = newRates(s.keys, s.limits.Rate, s.limits.Burst)
	if s.gate == nil {
		s.gate = func() error { return nil }
	}
	if s.ready == nil {
		s.ready = func(context.Context) Readiness { return Readiness{} }
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if err := s.render(); err != nil {
		return nil, err
	}
	metrics := cfg.Metrics
	if metrics == nil {
		metrics = telemetry.NewMetrics(s.replica.Version)
	}
	s.scrape = metrics.Handler()
	routes := s.routes()
	var err error
	s.series, err = newSeries(metrics, routes, s.engine.Registry().All())
	return fronted{routes, s.front(routes)}, err
}

// fronted is the router behind what comes before it: front stands outside, so
// that what it answers itself never meets the router.
type fronted struct {
	chi.Router
	front http.Handler
}

// ServeHTTP hands a request to front.
func (f fronted) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.front.ServeHTTP(w, r) }

// render makes what stays the same for as long as the process runs.
func (s *service) render() (err error) {
	infos := s.engine.Registry().All()
	if s.catalog, err = newCatalog(infos); err != nil {
		return err
	}
	spec := api.Spec()
	s.documentYAML = newDocument("application/yaml", spec)
	withTools, err := served(spec, infos, s.limits)
	if err != nil {
		return err
	}
	s.documentJSON = newDocument("application/json", withTools)
	s.ui = newUI()
	s.errors, err = errorPage()
	return err
}

// routes wires everything. The generated code registers its routes through
// admit, and every handler of an error is fail.
func (s *service) routes() chi.Router {
	router := chi.NewRouter()
	router.Use(routed, middleware.GetHead)
	router.NotFound(routeNotFound)
	router.MethodNotAllowed(methodNotAllowed(router))
	strict := api.NewStrictHandlerWithOptions(s, []api.StrictMiddlewareFunc{answered}, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  fail,
		ResponseErrorHandlerFunc: fail,
	})
	admitted := router.With(s.admit)
	api.HandlerWithOptions(&edge{ServerInterface: strict, service: s}, api.ChiServerOptions{
		BaseRouter:       admitted,
		ErrorHandlerFunc: fail,
	})
	admitted.Get(assetRoute, s.ui.asset)
	return router
}

// answered guards against a handler that returns neither an answer nor an
// error, of which the generated code would make an empty 200.
func answered(next api.StrictHandlerFunc, operation string) api.StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		response, err := next(ctx, w, r, request)
		if err == nil && response == nil {
			err = fault.New(fault.Internal, "").Because(fmt.Errorf("%s answered nothing", operation))
		}
		return response, err
	}
}

// HTTPServer makes a server for a handler that [New] made. It limits how long a
// request may take to come; after that each request sets its own deadlines,
// since a time for all would cut long executions off. Of those who are slow all
// the same it keeps only so many.
func HTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       bodyTime,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	newCrowd().watch(s)
	return s
}
