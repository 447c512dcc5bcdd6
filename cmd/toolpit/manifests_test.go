package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

const manifestDir = "../../deployments/k8s"

// The kinds of object in deployments/k8s, with the members that are used there:
// any other is refused, as a cluster would ignore one that is misspelt.
type (
	labels map[string]string

	meta struct {
		Name        string `yaml:"name"`
		Labels      labels `yaml:"labels"`
		Annotations labels `yaml:"annotations"`
	}
	head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   meta   `yaml:"metadata"`
	}
	selector struct {
		MatchLabels labels `yaml:"matchLabels"`
	}

	deployment struct {
		head `yaml:",inline"`
		Spec struct {
			Replicas             int      `yaml:"replicas"`
			RevisionHistoryLimit int      `yaml:"revisionHistoryLimit"`
			Selector             selector `yaml:"selector"`
			Strategy             struct {
				Type          string `yaml:"type"`
				RollingUpdate struct {
					MaxUnavailable *int `yaml:"maxUnavailable"`
					MaxSurge       int  `yaml:"maxSurge"`
				} `yaml:"rollingUpdate"`
			} `yaml:"strategy"`
			Template struct {
				Metadata meta    `yaml:"metadata"`
				Spec     podSpec `yaml:"spec"`
			} `yaml:"template"`
		} `yaml:"spec"`
	}
	podSpec struct {
		AutomountServiceAccountToken  *bool `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int   `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool `yaml:"runAsNonRoot"`
			RunAsUser      int  `yaml:"runAsUser"`
			RunAsGroup     int  `yaml:"runAsGroup"`
			FSGroup        int  `yaml:"fsGroup"`
			SeccompProfile struct {
				Type string `yaml:"type"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		TopologySpreadConstraints []struct {
			MaxSkew           int      `yaml:"maxSkew"`
			TopologyKey       string   `yaml:"topologyKey"`
			WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
			LabelSelector     selector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Containers []container `yaml:"containers"`
		Volumes    []struct {
			Name   string `yaml:"name"`
			Secret struct {
				SecretName  string `yaml:"secretName"`
				DefaultMode int    `yaml:"defaultMode"`
				Items       []struct {
					Key  string `yaml:"key"`
					Path string `yaml:"path"`
				} `yaml:"items"`
			} `yaml:"secret"`
		} `yaml:"volumes"`
	}
	container struct {
		Name            string   `yaml:"name"`
		Image           string   `yaml:"image"`
		ImagePullPolicy string   `yaml:"imagePullPolicy"`
		Args            []string `yaml:"args"`
		Env             []struct {
			Name      string `yaml:"name"`
			Value     string `yaml:"value"`
			ValueFrom struct {
				SecretKeyRef struct {
					Name string `yaml:"name"`
					Key  string `yaml:"key"`
				} `yaml:"secretKeyRef"`
				FieldRef struct {
					FieldPath string `yaml:"fieldPath"`
				} `yaml:"fieldRef"`
			} `yaml:"valueFrom"`
		} `yaml:"env"`
		Ports []struct {
			Name          string `yaml:"name"`
			ContainerPort int    `yaml:"containerPort"`
			Protocol      string `yaml:"protocol"`
		} `yaml:"ports"`
		StartupProbe    probe `yaml:"startupProbe"`
		LivenessProbe   probe `yaml:"livenessProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		Resources       struct{ Requests, Limits labels }
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct {
				Drop []string `yaml:"drop"`
			} `yaml:"capabilities"`
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	probe struct {
		HTTPGet struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
		PeriodSeconds    int `yaml:"periodSeconds"`
		TimeoutSeconds   int `yaml:"timeoutSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}

	service struct {
		head `yaml:",inline"`
		Spec struct {
			Type            string `yaml:"type"`
			SessionAffinity string `yaml:"sessionAffinity"`
			Selector        labels `yaml:"selector"`
			Ports           []struct {
				Name       string `yaml:"name"`
				Port       int    `yaml:"port"`
				TargetPort string `yaml:"targetPort"`
				Protocol   string `yaml:"protocol"`
			} `yaml:"ports"`
		} `yaml:"spec"`
	}
	autoscaler struct {
		head `yaml:",inline"`
		Spec struct {
			ScaleTargetRef struct {
				APIVersion string `yaml:"apiVersion"`
				Kind       string `yaml:"kind"`
				Name       string `yaml:"name"`
			} `yaml:"scaleTargetRef"`
			MinReplicas int `yaml:"minReplicas"`
			MaxReplicas int `yaml:"maxReplicas"`
			Metrics     []struct {
				Type     string `yaml:"type"`
				Resource struct {
					Name   string `yaml:"name"`
					Target struct {
						Type               string `yaml:"type"`
						AverageUtilization int    `yaml:"averageUtilization"`
					} `yaml:"target"`
				} `yaml:"resource"`
			} `yaml:"metrics"`
			Behavior struct {
				ScaleDown struct {
					StabilizationWindowSeconds int `yaml:"stabilizationWindowSeconds"`
					Policies                   []struct {
						Type          string `yaml:"type"`
						Value         int    `yaml:"value"`
						PeriodSeconds int    `yaml:"periodSeconds"`
					} `yaml:"policies"`
				} `yaml:"scaleDown"`
			} `yaml:"behavior"`
		} `yaml:"spec"`
	}
	budget struct {
		head `yaml:",inline"`
		Spec struct {
			MaxUnavailable             int      `yaml:"maxUnavailable"`
			UnhealthyPodEvictionPolicy string   `yaml:"unhealthyPodEvictionPolicy"`
			Selector                   selector `yaml:"selector"`
		} `yaml:"spec"`
	}
	policy struct {
		head `yaml:",inline"`
		Spec struct {
			PodSelector selector  `yaml:"podSelector"`
			PolicyTypes []string  `yaml:"policyTypes"`
			Ingress     []traffic `yaml:"ingress"`
			Egress      []traffic `yaml:"egress"`
		} `yaml:"spec"`
	}
	traffic struct {
		From  []peer `yaml:"from"`
		To    []peer `yaml:"to"`
		Ports []struct {
			Port     int    `yaml:"port"`
			Protocol string `yaml:"protocol"`
		} `yaml:"ports"`
	}
	peer struct {
		PodSelector       *selector `yaml:"podSelector"`
		NamespaceSelector *selector `yaml:"namespaceSelector"`
	}
	kustomization struct {
		head      `yaml:",inline"`
		Namespace string `yaml:"namespace"`
		Labels    []struct {
			Pairs labels `yaml:"pairs"`
		} `yaml:"labels"`
		Resources []string `yaml:"resources"`
		Images    []struct {
			Name   string `yaml:"name"`
			NewTag string `yaml:"newTag"`
		} `yaml:"images"`
	}
)

// manifests are all of deployments/k8s.
type manifests struct {
	deployment    deployment
	service       service
	autoscaler    autoscaler
	budget        budget
	policy        policy
	kustomization kustomization
}

func parseManifests(files map[string]string) (m manifests, err error) {
	into := map[string]any{
		"deployment.yaml": &m.deployment, "service.yaml": &m.service, "horizontalpodautoscaler.yaml": &m.autoscaler,
		"poddisruptionbudget.yaml": &m.budget, "networkpolicy.yaml": &m.policy, "kustomization.yaml": &m.kustomization,
	}
	for name, text := range files {
		if into[name] == nil {
			return m, fmt.Errorf("%s: nobody checks it", name)
		}
		dec := yaml.NewDecoder(bytes.NewReader([]byte(text)))
		dec.KnownFields(true)
		if err := dec.Decode(into[name]); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		delete(into, name)
	}
	if len(into) > 0 {
		return m, fmt.Errorf("there is no %v", into)
	}
	return m, nil
}

// program is what the manifests have to agree with.
type program struct {
	help  string // of serve
	paths []string
	user  string // of the image
}

// complaints says where the manifests contradict the program, each other, or
// what is called restricted.
func (m manifests) complaints(p program) (all []string) {
	need := func(ok bool, format string, args ...any) {
		if !ok {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	pod := m.deployment.Spec.Template
	if len(pod.Spec.Containers) != 1 || len(pod.Spec.Containers[0].Ports) != 1 {
		return []string{"expected one container with one port"}
	}
	c := pod.Spec.Containers[0]
	flags := map[string]string{"drain-delay": "1s", "drain-timeout": "10s"}
	for _, arg := range c.Args[1:] {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		flags[name] = value
		need(strings.Contains(p.help, " --"+name+"="), "serve has no flag --%s", name)
	}
	for _, e := range c.Env {
		need(e.Name == "GOMEMLIMIT" || strings.Contains(p.help, "$"+e.Name+")"), "serve has no variable %s", e.Name)
		if e.Name == "TOOLPIT_STORE" {
			need(e.Value == "" && e.ValueFrom.SecretKeyRef.Key == "store", "the store's URL has a password in it and belongs into the Secret")
		}
	}

	// Ports and paths.
	port := c.Ports[0]
	need(strings.HasSuffix(flags["listen"], ":"+strconv.Itoa(port.ContainerPort)), "serve listens on %s, not on %d", flags["listen"], port.ContainerPort)
	need(m.service.Spec.Ports[0].TargetPort == port.Name, "the Service leads to the port %s", m.service.Spec.Ports[0].TargetPort)
	need(m.policy.Spec.Ingress[0].Ports[0].Port == port.ContainerPort, "the NetworkPolicy lets in to %d", m.policy.Spec.Ingress[0].Ports[0].Port)
	need(pod.Metadata.Annotations["prometheus.io/port"] == strconv.Itoa(port.ContainerPort), "Prometheus asks another port")
	need(slices.Contains(p.paths, pod.Metadata.Annotations["prometheus.io/path"]), "Prometheus asks %s", pod.Metadata.Annotations["prometheus.io/path"])
	for want, probe := range map[string]probe{"/livez": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		need(probe.HTTPGet.Path == want && slices.Contains(p.paths, want), "a probe asks %q, want %s", probe.HTTPGet.Path, want)
		need(probe.HTTPGet.Port == port.Name, "a probe asks the port %s", probe.HTTPGet.Port)
	}
	need(c.StartupProbe.HTTPGet.Path == "/livez" && c.StartupProbe.HTTPGet.Port == port.Name, "the startup probe asks %v", c.StartupProbe.HTTPGet)

	// Draining.
	drain := time.Duration(0)
	for _, name := range []string{"drain-delay", "drain-timeout"} {
		d, err := time.ParseDuration(flags[name])
		need(err == nil, "--%s: %v", name, err)
		drain += d
	}
	grace := time.Duration(pod.Spec.TerminationGracePeriodSeconds) * time.Second
	need(grace > drain, "the grace period of %s is no longer than draining, %s", grace, drain)
	notice := time.Duration(c.ReadinessProbe.PeriodSeconds*c.ReadinessProbe.FailureThreshold) * time.Second
	delay, _ := time.ParseDuration(flags["drain-delay"])
	need(delay > notice, "the drain delay of %s is over before the probe has noticed, %s", delay, notice)
	unavailable := m.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable
	need(unavailable != nil && *unavailable == 0 && m.deployment.Spec.Strategy.RollingUpdate.MaxSurge > 0, "a rolling update takes replicas away first")

	// Labels and names.
	for what, labels := range map[string]labels{
		"Deployment": m.deployment.Spec.Selector.MatchLabels, "Service": m.service.Spec.Selector,
		"PodDisruptionBudget": m.budget.Spec.Selector.MatchLabels, "NetworkPolicy": m.policy.Spec.PodSelector.MatchLabels,
		"first spread": pod.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
		"other spread": pod.Spec.TopologySpreadConstraints[1].LabelSelector.MatchLabels,
	} {
		need(len(labels) > 0, "the %s selects everything", what)
		for name, value := range labels {
			need(pod.Metadata.Labels[name] == value, "the %s selects %s=%s, the pods have %q", what, name, value, pod.Metadata.Labels[name])
		}
	}
	target := m.autoscaler.Spec.ScaleTargetRef
	need(target.Kind == m.deployment.Kind && target.Name == m.deployment.Metadata.Name && target.APIVersion == m.deployment.APIVersion, "the autoscaler scales %v", target)
	need(m.autoscaler.Spec.MinReplicas > m.budget.Spec.MaxUnavailable && m.autoscaler.Spec.MinReplicas >= m.deployment.Spec.Replicas, "there may be too few replicas")
	need(c.Resources.Requests["cpu"] != "", "the autoscaler needs a request for cpu")
	need(c.Resources.Requests["memory"] != "" && c.Resources.Limits["memory"] != "", "memory is not bounded")

	// The Secret.
	mount, volume := c.VolumeMounts[0], pod.Spec.Volumes[0]
	need(mount.Name == volume.Name && flags["api-keys"] == mount.MountPath+"/"+volume.Secret.Items[0].Path, "the keys are not where --api-keys=%s looks", flags["api-keys"])

	// Pod Security, restricted.
	s, o := pod.Spec.SecurityContext, c.SecurityContext
	need(s.RunAsNonRoot && strconv.Itoa(s.RunAsUser) == p.user && s.RunAsGroup == s.RunAsUser, "it runs as %d, the image as %s", s.RunAsUser, p.user)
	need(s.SeccompProfile.Type == "RuntimeDefault", "seccomp is %q", s.SeccompProfile.Type)
	need(o.AllowPrivilegeEscalation != nil && !*o.AllowPrivilegeEscalation, "privileges may grow")
	need(o.ReadOnlyRootFilesystem, "the root file system may be written to")
	need(slices.Equal(o.Capabilities.Drop, []string{"ALL"}), "it drops only %v", o.Capabilities.Drop)
	need(pod.Spec.AutomountServiceAccountToken != nil && !*pod.Spec.AutomountServiceAccountToken, "it gets a token for the cluster")
	need(slices.Equal(m.policy.Spec.PolicyTypes, []string{"Ingress", "Egress"}), "the NetworkPolicy leaves a way open")

	// Kustomize.
	need(m.kustomization.Images[0].Name == strings.Split(c.Image, ":")[0], "the image is not %s", m.kustomization.Images[0].Name)
	resources := slices.Sorted(slices.Values(m.kustomization.Resources))
	need(slices.Equal(resources, []string{"deployment.yaml", "horizontalpodautoscaler.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml", "service.yaml"}), "the kustomization has only %v", resources)
	return all
}

// thisProgram looks at the binary, the document and the Dockerfile.
func thisProgram(t *testing.T) program {
	t.Helper()
	help, err := command(t, "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := program{help: string(help)}
	for path := range doc.Paths.Map() {
		p.paths = append(p.paths, path)
	}
	dockerfile, err := os.ReadFile("../../deployments/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if user := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindSubmatch(dockerfile); user != nil {
		p.user = string(user[1])
	}
	return p
}

func readManifests(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(manifestDir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(text)
	}
	return files
}

func TestManifestsAgreeWithTheProgram(t *testing.T) {
	m, err := parseManifests(readManifests(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range m.complaints(thisProgram(t)) {
		t.Error(complaint)
	}
	// It starts as it is told to, but for where its files and its port are.
	keys := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(keys, []byte("a:"+strings.Repeat("0", 64)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--api-keys", keys, "--store", "sqlite:" + t.TempDir() + "/k8s.db"}
	for _, arg := range m.deployment.Spec.Template.Spec.Containers[0].Args[1:] {
		if !strings.HasPrefix(arg, "--listen=") && !strings.HasPrefix(arg, "--api-keys=") {
			args = append(args, arg)
		}
	}
	p := serve(t, args...)
	p.ready(t)
	p.must(t, 401, "GET", "/sessions", "", "")
}

// TestManifestsThatDisagree breaks the manifests in every way that the check is
// there to find.
func TestManifestsThatDisagree(t *testing.T) {
	p := thisProgram(t)
	for _, test := range []struct{ file, old, new, want string }{
		{"deployment.yaml", "--drain-delay=5s", "--drain-pause=5s", "no flag --drain-pause"},
		{"deployment.yaml", "--drain-timeout=20s", "--drain-timeout=40s", "no longer than draining"},
		{"deployment.yaml", "--drain-delay=5s", "--drain-delay=1s", "before the probe has noticed"},
		{"deployment.yaml", "TOOLPIT_REPLICA_ID", "TOOLPIT_REPLICA", "no variable TOOLPIT_REPLICA"},
		{"deployment.yaml", "path: /readyz", "path: /ready", `asks "/ready"`},
		{"deployment.yaml", "containerPort: 8080", "containerPort: 8081", "not on 8081"},
		{"deployment.yaml", "runAsUser: 65532", "runAsUser: 1000", "the image as 65532"},
		{"deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "may be written"},
		{"deployment.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "away first"},
		{"deployment.yaml", "terminationGracePeriodSeconds", "terminationGraceSeconds", "not found"},
		{"deployment.yaml", "- ALL", "- NET_RAW", "drops only"},
		{"deployment.yaml", "mountPath: /etc/toolpit", "mountPath: /etc/keys", "not where"},
		{"service.yaml", "targetPort: http", "targetPort: web", "leads to the port web"},
		{"service.yaml", "  selector:\n    app.kubernetes.io/name: toolpit", "  selector:\n    app.kubernetes.io/name: other", "the Service selects"},
		{"horizontalpodautoscaler.yaml", "kind: Deployment\n    name: toolpit", "kind: Deployment\n    name: other", "scales"},
		{"horizontalpodautoscaler.yaml", "minReplicas: 3", "minReplicas: 1", "too few"},
		{"networkpolicy.yaml", "port: 8080", "port: 80", "lets in to 80"},
		{"networkpolicy.yaml", "    - Egress\n", "", "leaves a way open"},
		{"kustomization.yaml", "  - networkpolicy.yaml\n", "", "has only"},
	} {
		files := readManifests(t)
		changed := strings.Replace(files[test.file], test.old, test.new, 1)
		if changed == files[test.file] {
			t.Errorf("%s has no %q", test.file, test.old)
			continue
		}
		files[test.file] = changed
		m, err := parseManifests(files)
		found := fmt.Sprint(err)
		if err == nil {
			found = strings.Join(m.complaints(p), "\n")
		}
		if !strings.Contains(found, test.want) {
			t.Errorf("%s with %q: %s, want %q", test.file, test.new, found, test.want)
		}
	}
}
