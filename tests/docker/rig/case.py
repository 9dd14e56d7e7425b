"""What a case is: a function whose name is a sentence, the stack and the configuration it happens under."""

CASES = []


def case(stack="alone", configuration="usual", also="", sudoers=""):
    """Registers a case. `also` is added to the end of the configuration, `sudoers` to that of sudo."""

    def register(function):
        function.stack, function.configuration = stack, configuration
        function.also, function.sudoers = also, sudoers
        CASES.append(function)
        return function

    return register
