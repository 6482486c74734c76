pendulum orbit complexity:basic
