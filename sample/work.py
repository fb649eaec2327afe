"""What people do with the made-up company's product: its actions, and who does which of them how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sample.contracts import ANALYTICS, ASSIST, CORE


@dataclass(frozen=True)
class Action:
    """A named event, the feature that it is a use of, and the product that the feature comes with."""

    event: str
    feature: str
    product: str = CORE


ACTIONS = (
    Action("job_assigned", "planning board"),
    Action("plan_published", "planning board"),
    Action("route_optimised", "route planner"),
    Action("customer_notified", "customer messages"),
    Action("job_completed", "mobile app"),
    Action("signature_captured", "mobile app"),
    Action("parts_reserved", "parts and stock"),
    Action("timesheet_approved", "timesheets"),
    Action("invoice_exported", "invoicing"),
    Action("report_viewed", "reports"),
    Action("dashboard_viewed", "dashboards", ANALYTICS),
    Action("suggestion_accepted", "suggestions", ASSIST),
)
OTHERS = (  # what is not work: a log-in, and what machines do
    Action("login", ""),
    Action("sync_completed", "connectors"),
    Action("api_call", "API"),
    Action("agent_heartbeat", "agents"),
)
EVENTS = np.array([action.event for action in (*ACTIONS, *OTHERS)], dtype=object)
FEATURES = np.array([action.feature or None for action in (*ACTIONS, *OTHERS)], dtype=object)
LOGIN, SYNC, CALL, HEARTBEAT = range(len(ACTIONS), len(EVENTS))
OFFLINE = list(EVENTS).index("job_completed")  # done where there is no network, and sent later


@dataclass(frozen=True)
class Persona:
    """People of one kind of job.

    ``rhythms``: the shares that work with the product nearly every week, most weeks, now and then, and never.
    ``daily``: the chance to use it on one more workday of a week. ``does``: event -> share of what they do, and the
    share of them that does it at all; the first is what all of them do.
    """

    name: str
    share: float
    rhythms: tuple[float, float, float, float]
    daily: float
    does: Mapping[str, tuple[float, float]]


PERSONAS = (
    Persona(
        "dispatcher", 0.15, (0.72, 0.18, 0.06, 0.04), 0.42,
        {"job_assigned": (0.50, 1.0), "plan_published": (0.20, 0.8), "route_optimised": (0.22, 0.48),
         "customer_notified": (0.12, 0.6), "suggestion_accepted": (0.20, 0.55)},
    ),
    Persona(
        "operations manager", 0.08, (0.42, 0.33, 0.16, 0.09), 0.12,
        {"report_viewed": (0.45, 1.0), "plan_published": (0.20, 0.5), "timesheet_approved": (0.15, 0.5),
         "dashboard_viewed": (0.40, 0.65)},
    ),
    Persona(
        "technician", 0.47, (0.30, 0.41, 0.17, 0.12), 0.13,
        {"job_completed": (0.70, 1.0), "signature_captured": (0.22, 0.55), "parts_reserved": (0.15, 0.35)},
    ),
    Persona(
        "team lead", 0.17, (0.33, 0.36, 0.19, 0.12), 0.15,
        {"timesheet_approved": (0.45, 1.0), "job_assigned": (0.25, 0.6), "parts_reserved": (0.20, 0.45),
         "report_viewed": (0.15, 0.4)},
    ),
    Persona(
        "finance", 0.07, (0.16, 0.44, 0.26, 0.14), 0.03,
        {"invoice_exported": (0.70, 1.0), "timesheet_approved": (0.15, 0.4), "report_viewed": (0.15, 0.5)},
    ),
    Persona(
        "director", 0.06, (0.06, 0.30, 0.38, 0.26), 0.02,
        {"report_viewed": (0.50, 1.0), "dashboard_viewed": (0.50, 0.5)},
    ),
)  # fmt: skip
RHYTHMS = (0.95, 0.60, 0.20, 0.01)  # the chance of a week with anything at all
DISPATCHER, MANAGER = 0, 1
MACHINE, STAFF = len(PERSONAS), len(PERSONAS) + 1  # an account that software uses; people of the made-up company itself
NAMES = np.array([persona.name for persona in PERSONAS] + ["integration", "vendor staff"], dtype=object)


def weights() -> tuple[np.ndarray, np.ndarray]:
    """Persona by action: the share of what they do, and the share of them that does it at all."""
    done, ever = np.zeros((2, len(NAMES), len(ACTIONS)))
    for i, persona in enumerate(PERSONAS):
        for j, action in enumerate(ACTIONS):
            done[i, j], ever[i, j] = persona.does.get(action.event, (0.0, 0.0))
    done[STAFF], ever[STAFF] = done[MANAGER], 1.0
    return done, ever


def main_actions() -> np.ndarray:
    """Per persona, the action that all of them do."""
    done, ever = weights()
    return np.argmax(done * (ever == 1.0), axis=1)
