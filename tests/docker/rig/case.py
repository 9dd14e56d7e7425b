"""What a case is: a function whose name is a sentence, the stack and the configuration it happens under."""

CASES = []


def case(stack="alone", configuration="usual", also="", sudoers="", process_only=False):
    """Registers a case. `also` is added to the end of the configuration, `sudoers` to that of sudo.

    `process_only` is for what is done to the process of the program that asks, where that runs the login: the broker has cases of its own.
    """

    def register(function):
        function.stack, function.configuration = stack, configuration
        function.also, function.sudoers = also, sudoers
        function.process_only, function.broker_only = process_only, False
        CASES.append(function)
        return function

    return register


def broker_case(**more):
    """Registers a case that is about the broker."""

    def register(function):
        function = case(**more)(function)
        function.broker_only = True
        return function

    return register
