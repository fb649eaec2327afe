"""placeholder."""


class GraphWay:
    def __init__(self, s): ...
