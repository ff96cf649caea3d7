"""BACnet engineering units in words a person, a machine and a rule can use.

Every unit has a symbol: one that is not in the table is shown by its own name, never refused.
UCUM codes are given only where the Unified Code for Units of Measure has one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from points.model import Kind, Point, Value


class Unit(NamedTuple):
    """One engineering unit: how it is shown, what machines call it, what it measures."""

    symbol: str
    ucum: str | None
    quantity: str


# name  symbol  UCUM code (- if there is none)  quantity; names as in ASHRAE 135, BACnetEngineeringUnits
_TABLE = """
degrees-celsius                   °C        Cel             temperature
degrees-fahrenheit                °F        [degF]          temperature
degrees-kelvin                    K         K               temperature
delta-degrees-kelvin              ΔK        K               temperature-difference
delta-degrees-fahrenheit          Δ°F       -               temperature-difference
degrees-celsius-per-hour          °C/h      Cel/h           temperature-rate
degrees-celsius-per-minute        °C/min    Cel/min         temperature-rate
degrees-fahrenheit-per-hour       °F/h      [degF]/h        temperature-rate
degrees-fahrenheit-per-minute     °F/min    [degF]/min      temperature-rate
degrees-kelvin-per-hour           K/h       K/h             temperature-rate
degrees-kelvin-per-minute         K/min     K/min           temperature-rate
degree-days-celsius               °C·d      Cel.d           degree-days
degree-days-fahrenheit            °F·d      [degF].d        degree-days
percent-relative-humidity         %RH       %               humidity
grams-of-water-per-kilogram-dry-air g/kg    g/kg            humidity
pascals                           Pa        Pa              pressure
hectopascals                      hPa       hPa             pressure
kilopascals                       kPa       kPa             pressure
bars                              bar       bar             pressure
millibars                         mbar      mbar            pressure
pounds-force-per-square-inch      psi       [psi]           pressure
inches-of-water                   inH₂O     [in_i'H2O]      pressure
inches-of-mercury                 inHg      [in_i'Hg]       pressure
millimeters-of-water              mmH₂O     mm[H2O]         pressure
millimeters-of-mercury            mmHg      mm[Hg]          pressure
centimeters-of-water              cmH₂O     cm[H2O]         pressure
centimeters-of-mercury            cmHg      cm[Hg]          pressure
cubic-meters-per-second           m³/s      m3/s            flow
cubic-meters-per-minute           m³/min    m3/min          flow
cubic-meters-per-hour             m³/h      m3/h            flow
cubic-meters-per-day              m³/d      m3/d            flow
cubic-feet-per-second             cfs       [cft_i]/s       flow
cubic-feet-per-minute             cfm       [cft_i]/min     flow
cubic-feet-per-hour               cfh       [cft_i]/h       flow
cubic-feet-per-day                ft³/d     [cft_i]/d       flow
liters-per-second                 L/s       L/s             flow
liters-per-minute                 L/min     L/min           flow
liters-per-hour                   L/h       L/h             flow
milliliters-per-second            mL/s      mL/s            flow
us-gallons-per-minute             gpm       [gal_us]/min    flow
us-gallons-per-hour               gph       [gal_us]/h      flow
imperial-gallons-per-minute       imp_gpm   [gal_br]/min    flow
grams-per-second                  g/s       g/s             mass-flow
kilograms-per-second              kg/s      kg/s            mass-flow
kilograms-per-minute              kg/min    kg/min          mass-flow
kilograms-per-hour                kg/h      kg/h            mass-flow
pounds-mass-per-minute            lb/min    [lb_av]/min     mass-flow
pounds-mass-per-hour              lb/h      [lb_av]/h       mass-flow
cubic-meters                      m³        m3              volume
cubic-feet                        ft³       [cft_i]         volume
liters                            L         L               volume
milliliters                       mL        mL              volume
us-gallons                        gal       [gal_us]        volume
imperial-gallons                  imp_gal   [gal_br]        volume
meters-per-second                 m/s       m/s             velocity
meters-per-hour                   m/h       m/h             velocity
kilometers-per-hour               km/h      km/h            velocity
feet-per-second                   ft/s      [ft_i]/s        velocity
feet-per-minute                   ft/min    [ft_i]/min      velocity
miles-per-hour                    mph       [mi_i]/h        velocity
milliwatts                        mW        mW              power
watts                             W         W               power
kilowatts                         kW        kW              power
megawatts                         MW        MW              power
horsepower                        hp        [HP]            power
btus-per-hour                     BTU/h     [Btu]/h         power
kilo-btus-per-hour                kBTU/h    k[Btu]/h        power
tons-refrigeration                TR        -               power
joules-per-hours                  J/h       J/h             power
volt-amperes                      VA        V.A             apparent-power
kilovolt-amperes                  kVA       kV.A            apparent-power
megavolt-amperes                  MVA       MV.A            apparent-power
volt-amperes-reactive             var       -               reactive-power
kilovolt-amperes-reactive         kvar      -               reactive-power
megavolt-amperes-reactive         Mvar      -               reactive-power
power-factor                      PF        1               power-factor
watt-hours                        Wh        W.h             energy
kilowatt-hours                    kWh       kW.h            energy
megawatt-hours                    MWh       MW.h            energy
watt-hours-reactive               varh      -               reactive-energy
kilowatt-hours-reactive           kvarh     -               reactive-energy
volt-ampere-hours                 VAh       V.A.h           energy
kilovolt-ampere-hours             kVAh      kV.A.h          energy
joules                            J         J               energy
kilojoules                        kJ        kJ              energy
megajoules                        MJ        MJ              energy
btus                              BTU       [Btu]           energy
kilo-btus                         kBTU      k[Btu]          energy
mega-btus                         MBTU      M[Btu]          energy
therms                            therm     -               energy
ton-hours                         TRh       -               energy
kilojoules-per-kilogram           kJ/kg     kJ/kg           enthalpy
kilojoules-per-kilogram-dry-air   kJ/kg     kJ/kg           enthalpy
joules-per-kilogram-dry-air       J/kg      J/kg            enthalpy
btus-per-pound                    BTU/lb    [Btu]/[lb_av]   enthalpy
btus-per-pound-dry-air            BTU/lb    [Btu]/[lb_av]   enthalpy
watts-per-square-meter            W/m²      W/m2            irradiance
watts-per-square-foot             W/ft²     W/[sft_i]       irradiance
kilowatt-hours-per-square-meter   kWh/m²    kW.h/m2         energy-density
kilowatt-hours-per-square-foot    kWh/ft²   kW.h/[sft_i]    energy-density
milliamperes                      mA        mA              current
amperes                           A         A               current
millivolts                        mV        mV              voltage
volts                             V         V               voltage
kilovolts                         kV        kV              voltage
ohms                              Ω         Ohm             resistance
kilohms                           kΩ        kOhm            resistance
megohms                           MΩ        MOhm            resistance
micro-siemens                     µS        uS              conductance
millisiemens                      mS        mS              conductance
siemens-per-meter                 S/m       S/m             conductivity
ohm-meters                        Ω·m       Ohm.m           resistivity
luxes                             lx        lx              illuminance
foot-candles                      fc        -               illuminance
lumens                            lm        lm              luminous-flux
candelas-per-square-meter         cd/m²     cd/m2           luminance
parts-per-million                 ppm       [ppm]           concentration
parts-per-billion                 ppb       [ppb]           concentration
micrograms-per-cubic-meter        µg/m³     ug/m3           concentration
milligrams-per-cubic-meter        mg/m³     mg/m3           concentration
milligrams-per-liter              mg/L      mg/L            concentration
nephelometric-turbidity-unit      NTU       -               turbidity
pH                                pH        [pH]            acidity
percent                           %         %               fraction
per-mille                         ‰         [ppth]          fraction
percent-per-second                %/s       %/s             rate
per-second                        /s        /s              rate
per-minute                        /min      /min            rate
per-hour                          /h        /h              rate
percent-obscuration-per-foot      %/ft      %/[ft_i]        obscuration
percent-obscuration-per-meter     %/m       %/m             obscuration
hertz                             Hz        Hz              frequency
kilohertz                         kHz       kHz             frequency
cycles-per-minute                 cpm       /min            frequency
revolutions-per-minute            rpm       /min            frequency
milliseconds                      ms        ms              time
hundredths-seconds                cs        cs              time
seconds                           s         s               time
minutes                           min       min             time
hours                             h         h               time
days                              d         d               time
weeks                             wk        wk              time
months                            mo        mo              time
years                             a         a               time
millimeters                       mm        mm              length
centimeters                       cm        cm              length
meters                            m         m               length
inches                            in        [in_i]          length
feet                              ft        [ft_i]          length
square-meters                     m²        m2              area
square-feet                       ft²       [sft_i]         area
kilograms                         kg        kg              mass
pounds-mass                       lb        [lb_av]         mass
tons                              t         t               mass
degrees-angular                   °         deg             angle
decibels                          dB        dB              level
decibelsA                         dB(A)     -               level
microsieverts                     µSv       uSv             dose
microsieverts-per-hour            µSv/h     uSv/h           dose-rate
"""


def _row(line: str) -> tuple[str, Unit]:
    name, shown, code, quantity = line.split()
    return name, Unit(shown.replace("_", " "), None if code == "-" else code, quantity)


UNITS: dict[str, Unit] = dict(_row(line) for line in _TABLE.strip().splitlines())
_BARE = ("no-units", "")
UNITS.update(dict.fromkeys(_BARE, Unit("", "1", "")))

# Below what change of value nobody looks: decimals shown per quantity, where the size of the value alone misleads.
_DECIMALS = {"temperature": 1, "temperature-difference": 1, "humidity": 0, "fraction": 0, "illuminance": 0}
_SIGNIFICANT = 3  # digits shown of anything else: 2.51 Pa, 25.1 Pa, 251 Pa


def symbol(unit: str) -> str:
    """What to print behind the number; the unit's own name if it is not known."""
    known = UNITS.get(unit)
    return unit if known is None else known.symbol


def ucum(unit: str) -> str | None:
    """The code of the Unified Code for Units of Measure, if there is one."""
    known = UNITS.get(unit)
    return None if known is None else known.ucum


def quantity(unit: str) -> str:
    """What is measured: "temperature", "pressure", ...; "" for no unit and for unknown ones."""
    known = UNITS.get(unit)
    return "" if known is None else known.quantity


def show(point: Point, value: Value | None) -> str:
    """The value in words: "18.0 °C", "Occupied", "on"; "?" where nothing is known."""
    if value is None:
        return "?"
    if isinstance(value, str):
        return value
    number = _finite(value)
    if number is None:
        return "?"
    match point.kind:
        case Kind.BINARY:
            return _state(point.states, int(bool(value))) or ("on" if value else "off")
        case Kind.MULTISTATE:
            return _state(point.states, int(number) - 1) or f"state {int(number)}"
        case Kind.ANALOG:
            return _number(number, point.unit)
        case _:
            return str(value)


def _finite(value: float) -> float | None:
    """None for NaN, infinities and integers beyond any float."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _state(states: tuple[str, ...], index: int) -> str:
    return states[index] if 0 <= index < len(states) else ""


def _number(value: float, unit: str) -> str:
    decimals = _DECIMALS.get(quantity(unit))
    if decimals is None:
        size = max(abs(value), 1.0)
        decimals = max(0, _SIGNIFICANT - 1 - math.floor(math.log10(size)))
    text = f"{value:.{decimals}f}" if unit not in _BARE or not value.is_integer() else f"{value:.0f}"
    if float(text) == 0:
        text = text.lstrip("-")
    shown = symbol(unit)
    return f"{text} {shown}" if shown else text
