#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kubernetes.py UDPTOOL: the DaemonSet is what Kubernetes understands, as far as kubectl is here to tell, its parts
belong together, and both containers do their work with the words that they are given."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
MANIFEST = os.path.join(HERE, "../../.package/kubernetes/udptool.yaml")


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


try:
    import yaml
except ImportError:
    skip("no YAML for Python")


def verdict(what, problems):
    """Says it, and gives how many of it failed."""
    print("passed: " + what if not problems else "failed: %s: %s" % (what, "; ".join(problems)))
    return bool(problems)


def missing(wanted, found, path=""):
    """The paths in `wanted` that are not in `found`, with another value there or none."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [lack for key, value in wanted.items() for lack in missing(value, found.get(key), path + "." + key)]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [lack for i, value in enumerate(wanted) for lack in missing(value, found[i], "%s[%d]" % (path, i))]
    return [] if wanted == found else ["%s is not known" % path]


def unknown_fields(workload):
    """What kubectl drops when it reads the DaemonSet as Kubernetes has it: fields of a wrong name or in a wrong place."""
    known = subprocess.run(["kubectl", "set", "env", "--local", "-f", "-", "-o", "json", "ANY=value"],
                           input=json.dumps(workload), check=True, capture_output=True, text=True).stdout
    return missing(workload, json.loads(known))


def parts_that_miss(config, service, workload):
    """What one part names and another lacks."""
    pod = workload["spec"]["template"]
    labels = pod["metadata"]["labels"]
    problems = []
    for selector in (service["spec"]["selector"], workload["spec"]["selector"]["matchLabels"]):
        problems += ["%s selects no pod" % selector] if not selector.items() <= labels.items() else []
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for container in pod["spec"]["containers"]:
        problems += ["no volume " + mount["name"] for mount in container.get("volumeMounts", []) if mount["name"] not in volumes]
    if volumes["targets"]["configMap"]["name"] != config["metadata"]["name"]:
        problems.append("no such ConfigMap")
    if service["metadata"]["name"] not in config["data"]["targets"].split():
        problems.append("the targets are not the service's pods")
    return problems


def work(udptool, network, config, workload):
    """Both containers as processes in one network; what the prober's counters lack of it."""
    with tempfile.TemporaryDirectory() as place:
        with open(place + "/targets", "w", encoding="utf-8") as targets:
            targets.write(config["data"]["targets"].replace("udptool-reflectors", "127.0.0.1"))

        def words(container, end):
            moved = [word.replace("/textfile/", place + "/").replace("/etc/udptool/", place + "/")
                     for word in container["args"]]
            return [udptool] + moved + ["-W", end, "--stats=100ms"]

        reflector, prober = workload["spec"]["template"]["spec"]["containers"]
        script = "ip link set lo up; n=$1; shift; \"${@:1:n}\" & \"${@:n+1}\"; wait"
        first = words(reflector, "3s")
        ended = subprocess.run(["unshare", network, "bash", "-c", script, "both", str(len(first))] + first
                               + words(prober, "2s"), capture_output=True, text=True, check=False)
        try:
            with open(place + "/udptool-probe.prom", encoding="utf-8") as file:
                counters = file.read()
        except OSError:
            return ["no counters: " + ended.stderr]
        answered = [line for line in counters.splitlines() if line.startswith("udptool_probe_received_total")]
        return [] if answered and not answered[0].endswith(" 0") else ["nothing was answered: " + ended.stderr]


def main():
    udptool = os.path.realpath(sys.argv[1])
    with open(MANIFEST, encoding="utf-8") as file:
        documents = list(yaml.safe_load_all(file))
    config, service, workload = documents
    failed = verdict("the DaemonSet's parts belong together", parts_that_miss(config, service, workload))
    version = subprocess.run([udptool, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    images = {container["image"] for container in workload["spec"]["template"]["spec"]["containers"]}
    failed |= verdict("the image is this version's", [] if images == {"udptool:" + version} else sorted(images))
    if shutil.which("kubectl"):
        failed |= verdict("Kubernetes knows every field of the DaemonSet", unknown_fields(workload))
    else:
        print("skipped: the DaemonSet's fields (no kubectl)")
    # The option of unshare(1) that makes networks here, or why there is none.
    network = subprocess.run(["bash", HERE + "/../netns/lab.sh"], capture_output=True, text=True, check=False)
    if network.returncode == 0:
        failed |= verdict("the DaemonSet's containers do their work",
                          work(udptool, network.stdout.strip(), config, workload))
    else:
        print("skipped: the DaemonSet's containers at work (%s)" % network.stdout.strip())
    sys.exit(failed)


main()
