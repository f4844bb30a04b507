"""Certificates made by openssl: an authority of one's own and what it issues, as files in a directory of the scope."""
import os
import subprocess


class Authority:
    def __init__(self, scope, name="authority"):
        self.directory = scope.make_directory(name)
        self.certificate, self.key = self.path("ca.pem"), self.path("ca.key")
        self._openssl("req", "-x509", *_KEYS["ec"], "-nodes", "-keyout", self.key, "-out", self.certificate,
                      "-days", "30", "-subj", "/CN=Test Authority",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature")

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, *names, key="ec", subject=None, days=30):
        """{certificate, key}: as the configuration names them. `names` are DNS names or IP addresses."""
        files = {"certificate": self.path(name + ".pem"), "key": self.path(name + ".key")}
        alternative = ",".join(("IP:" if entry[0].isdigit() else "DNS:") + entry for entry in names or [name + ".test"])
        self._openssl("req", "-x509", *_KEYS[key], "-nodes", "-keyout", files["key"], "-out", files["certificate"],
                      "-days", str(days), "-subj", subject or "/CN=" + name,
                      "-CA", self.certificate, "-CAkey", self.key,
                      "-addext", "subjectAltName=" + alternative, "-addext", "basicConstraints=CA:FALSE")
        return files

    def staple(self, name, files):
        """A DER OCSP response that calls the certificate good."""
        serial = self._openssl("x509", "-in", files["certificate"], "-noout", "-serial").strip().split("=")[1]
        index, request, response = (self.path(name + end) for end in (".index", ".request", ".der"))
        with open(index, "w", encoding="ascii") as file:
            file.write("V\t400101000000Z\t\t%s\tunknown\t/CN=%s\n" % (serial, name))
        self._openssl("ocsp", "-issuer", self.certificate, "-cert", files["certificate"], "-reqout", request)
        self._openssl("ocsp", "-index", index, "-CA", self.certificate, "-rsigner", self.certificate, "-rkey", self.key,
                      "-reqin", request, "-respout", response, "-ndays", "2")
        return response

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError("openssl %s: %s" % (" ".join(arguments), done.stderr))
        return done.stdout


_KEYS = {"ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("-newkey", "rsa:2048")}
