"""How the agent is put together, in the order in which one part needs the other.

`ground` is what is open before any part is made. Upon it: `knowing` the building, `acting` on it, `showing` it, and the
`door` through which people and programs come. Each makes its parts, wires them, and hands them on as one thing that
does not change; none of them decides anything. Only `facility.agent` calls them.
"""
