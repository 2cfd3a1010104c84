"""The environment of a pod that KubeRay makes: what a kernel in it has, and its cluster's head."""

from __future__ import annotations

NAME = "raycluster-sample"
# What KubeRay puts into a pod (ray-operator/controllers/ray/common/pod.go), as far as Ray reads it.
POD = {
    "RAY_enable_autoscaler_v2": "true",
    "RAY_CLOUD_INSTANCE_ID": f"{NAME}-head-abcde",
    "RAY_NODE_TYPE_NAME": "headgroup",
    "RAY_CLUSTER_NAME": NAME,
    "RAY_CLUSTER_NAMESPACE": "default",
    "RAY_USAGE_STATS_KUBERAY_IN_USE": "1",
    "RAY_USAGE_STATS_EXTRA_TAGS": "kuberay_version=v1.6.0;kuberay_crd=RayCluster",
    "RAY_ADDRESS": "127.0.0.1:6379",
    "RAY_PORT": "6379",
    "KUBERAY_GEN_RAY_START_CMD": "ray start --head --no-monitor --num-cpus=0",
    "RAY_DASHBOARD_ENABLE_K8S_DISK_USAGE": "1",
}
# A head whose state outlives it, as configureRedisFT and configureEmbeddedFT have it; nothing listens there.
LASTING = {
    "RAY_REDIS_ADDRESS": "127.0.0.1:1",
    "RAY_external_storage_namespace": "an-id",
    "RAY_gcs_storage": "rocksdb",
    "RAY_gcs_storage_path": "/data/gcs",
}
# Connections that certificates and Kubernetes' own accounts guard; the files are not there.
GUARDED = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0" * 64,
    "RAY_ENABLE_K8S_TOKEN_AUTH": "true",
    "RAY_USE_TLS": "1",
    "RAY_TLS_SERVER_CERT": "/etc/ray/tls/tls.crt",
    "RAY_TLS_SERVER_KEY": "/etc/ray/tls/tls.key",
    "RAY_TLS_CA_CERT": "/etc/ray/tls/ca.crt",
}
