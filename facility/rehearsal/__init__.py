"""What policies would do in the days to come: the planner itself, on a clock that jumps, with hands that write nowhere.

A rehearsal asks the same guard, keeps the same pace between writes, crosses the same clock changes and holidays. What
it cannot know it says: readings are taken as they are now, or as a forecast has them.
"""
