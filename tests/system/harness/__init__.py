"""What the system tests are written with: real processes, real sockets, bounded waits.

A test file says `from harness import *`, derives its classes from SystemTest and ends with main().
"""
from .base import Scope, SystemTest, main, python_thread, wait_until
from .certificates import Authority
from .client import Connection, Crowd, Response, curl, get, parse_response, refused, request
from .meridian import Meridian, run_meridian
from .peers import BlackHole, ScriptedServer, TcpServer, answer
from .ports import free_port
from .recovery_site import STANDBYS, RecoverySite, recovery_config, recovery_sites
from .sites import PLACES, Nginx, Sites, tcp_config, web_config
from .websocket import WebSocketClient, WebSocketServer

__all__ = [
    "Authority", "BlackHole", "Connection", "Crowd", "Meridian", "Nginx", "PLACES", "RecoverySite", "Response",
    "STANDBYS", "Scope", "ScriptedServer", "Sites", "SystemTest", "TcpServer", "WebSocketClient", "WebSocketServer",
    "answer", "curl", "free_port", "get", "main", "parse_response", "python_thread", "recovery_config",
    "recovery_sites", "refused", "request", "run_meridian", "tcp_config", "wait_until", "web_config",
]
