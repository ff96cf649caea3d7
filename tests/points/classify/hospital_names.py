"""Names as a hospital has them, written by hand after domain.md section 2: no public labelled set exists.

Each line is `name`, or `name @ device`, or `name @ device @ description`.
"""

from points.classify import Evidence


def evidence(line: str) -> Evidence:
    name, device, description = [*(part.strip() for part in line.split("@")), "", ""][:3]
    return Evidence(name=name, device=device, description=description)


# Medical equipment, medical gas and life safety: never comfort, whatever else is said.
MEDICAL = """
MGAS-ICU.O2.PRESS
Med Gas Zone 4 Oxygen Pressure
3W_O2_LINE_PSI
Zone Alarm 2 N2O High
OR_MEDAIR_PRESS
MedVac Zone 3 inHg
MEDICAL VACUUM PUMP 1 STATUS
SDH.MGP-2:O2 LO ALM
WAGD producer fault
NAE 02 N2 1 MGAS O2 HI
mercy/ground floor/medical gas manifold/reserve in use
BLDG.MGAS..VAC-LO
Nitrogen manifold low
O2 bulk tank level
LOX-1 Level
CO2 cylinder pressure
AI 04 @ Area Alarm Panel 3 @ Oxygen line pressure
AI 12 @ MGP-3W @ Medical air dew point
Instrument Air Pressure
Dental vacuum pump enable
BBR-1.TEMP
Blood Bank Refrigerator 2 Door
BLOODBANK_REF1_TMP
LAB/blood bank/fridge 1/temp
Plasma Freezer 1 Temp
PLASMAFRZR2
Platelet Incubator Agitator Status
FFP Freezer temp
Vaccine Fridge 3 temperature
VACC_REF_01_TEMP
Pharmacy Refrigerator Temp
RX Fridge 2 temp
Med Room 4 Fridge Temp
ULT-2 Temp
Ultra Low Freezer 7 compressor
-80 Freezer temp
Specimen Freezer 4
Breast Milk Fridge NICU
Tissue bank freezer temp
Temp @ Vaccine Refrigerator 2
AI1 @ Fridge Monitor 3 @ Temperature
ZN-T @ Walk-in Cooler Blood Bank
Incubator 2 temp setpoint
CryoTank 1 level
LN2 tank level nitrogen
GEN-1 Running
Generator 2 Not In Auto
EMERGENCY GENERATOR 1 FUEL LEVEL
EG1_OVERCRANK emergency gen
Genset 3 coolant temp
DG-1 KW
EPSS load kW
Day tank fuel level
Diesel Fuel Tank 1 Level
ATS-3 Position
ATS_CRIT_EMERG_AVAIL
Transfer Switch LS-1 normal source available
AutoTransferSwitch2 Status
UPS-1 On Battery
UPS_DC1_RUNTIME
ups/battery percent
Battery Room UPS charger fault
Switchgear main breaker status
Life Safety Branch Panel kW
Critical Branch ATS
LIM-4 Total Hazard Current
OR3 LIM Alarm
Line Isolation Monitor 2 THC
Isolated Power Panel OR 4 alarm
IsoPower Panel 2
MRI Chiller Supply Temp
MRI-1 Chilled Water Flow
Magnet Room O2 Level
MRI Quench
MR2 cold head compressor
Cryocooler helium pressure
Gradient coil cooling flow @ MRI Chiller
Linac chiller temp
X-Ray Room 2 Chiller
PET CT chiller flow
Smoke Detector AHU-2
AHU-1 SMOKE
AHU-3.SD-S smoke
SMK_DMPR_2E
FSD-12 position
FIRE ALARM RELAY
Fire Pump Running
FACP trouble
Sprinkler flow switch
SODA2S14___SMK
Smoke Control Fan Stair 2
StairPressFan 1 cmd
Stairwell pressurization fan
Smoke Exhaust Fan Command
Elevator recall
Nurse Call Common Alarm
NURSECALL-3W
Code Blue Active
Infant abduction alarm
Panic Button Pharmacy
Emergency Lighting Panel EM-1
Egress Light Status
Exit Light Circuit 4
EM Lighting Relay @ Lighting Panel LP-2 @ Corridor emergency lighting
Sterilizer 2 Steam Pressure
Autoclave 1 fault
Washer Disinfector 3 status
RO Water Conductivity
Dialysis water loop pressure
DI Water Resistivity SPD
Reverse osmosis unit alarm
Purified water storage level
Ventilator Outlet Power
Anesthesia workroom gas
Infant warmer temp
ECMO circuit temp
Bedside monitor power
Patient Monitor 4
Defibrillator charger
Perfusion pump room O2
Oxygen Concentrator 2
Hyperbaric chamber oxygen
Medical Air Compressor 2 Run
Carbon Monoxide Alarm Medical Air
Refrigerant leak detector
Gas leak alarm kitchen
Entonox manifold
Helium Recovery Pressure
Nitrous Alarm L&D
AV 07 @ Device 1203 @ Blood bank freezer high limit
AV 09 @ VAV-2-11 @ Oxygen sensor
BV 3 @ AHU-4 @ Smoke purge mode
AO 2 @ Controller 7 @ MRI chiller valve
AV 1 @ AHU-1 @ Blood Bank space temperature setpoint
ZN-SP @ Vaccine Storage Cooler Controller
Office 214 fridge temp @ VAV-2-14 Office 214
Corridor 2E nurse call dome light
Lobby fire damper
Conference 3 smoke damper position
"""

# Rooms whose profile forbids energy measures, and what serves them: never comfort.
CRITICAL = """
OR-3 Zone Temp
OR3.ZNT-SP
ORTEMP
OR_1_HUM
mercy/surgery/or_2/zone temp setpoint
AHU-OR.SAT-SP
AHU-5 SAT @ AHU-5 Operating Suite
AHU-4.SF-C @ AHU-4 @ Serves operating rooms 1-4
SAT-SP @ AHU-7 Surgery
Theatre 2 supply flow
OperatingRoom4Humidity
ICUTEMP
ICU-4 ZN-T
NICU Room 3 temp
MICU bed 12 lights
CCU zone temp sp
AII-407 Room Pressure
Isolation Room 12 exhaust fan cmd
ISO-3 dP
Neg Pressure Room 5 temp
Anteroom 407A pressure
PE-2 supply flow
Protective Environment Room 1 temp
BMT unit temp setpoint
Pharmacy Temp
Pharmacy Clean Room dP
Compounding Room RH
USP797 buffer room temp
Chemo Prep exhaust
Sterile Storage RH
SPD clean side temp
CSSD pressure
Decontam room exhaust
Soiled Utility 3 exhaust
Trauma Bay 1 temp
Cath Lab 2 temp setpoint
Endoscopy Room 1 temp
Bronchoscopy 1 flow
ED Waiting temp
ER Exam 4 temp
Triage lights
PACU zone temp
Nursery temp setpoint
LDR 3 temp
Patient Room 312 temp setpoint
Patient Room 312 Lights
Ward 4 zone temp
Dialysis zone temp
Morgue temp
Autopsy exhaust fan
Lab 210 fume hood flow
CT Scan Room temp
Radiology zone temp
Kitchen hood makeup
Toilet exhaust fan
IDF closet temp
EF-3 Command
Chiller 1 CHW setpoint
"""

# Ordinary offices, lobbies, corridors and air handlers.
ORDINARY = """
AHU-1.SAT
AHU-1.SAT-SP
AHU-1.MAT
AHU-1.OAT
AHU-1.SF-C
AHU-1.SF-S
AHU-1.SF-SPD
AHU-1.OAD
AHU-1.CHWV
AHU-1.DSP-SP
AHU_2_RAT
AHU02_RA_HUM
AHU-2 Supply Air Temp Setpoint
AHU-2 Return Fan Status
AHU-2 Supply Fan VFD Speed
ACAD.AHU.AHU01.CCV
NAE 01 N2 1 AHU 3 SA T
bldg/roof/ahu-9/discharge temp
bldg/roof/ahu-9/oa damper
SDH.AH2A:SUPPLY TEMP
RTU-4 Economizer Cmd
RTU-4 Mixed Air Temp
MAU-1 Discharge Air Temp
AHU-6 Filter DP
AHU-6 Duct Static Pressure
AHU-6 Preheat Valve
AHU-3 CO2
AHU-3 Occ Mode
Office 214 ZN-T
Office 214 Heating Setpoint
Office 214 Cooling Setpoint
Office 214 Lights
Office 214 occ sensor
Office-301.ZN-SP
bldg/second floor/vav room 2113 office/zone temp
bldg/second floor/vav room 2113 office/damper position
bldg/second floor/vav room 2113 office/hwv command
bldg/second floor/vav room 2113 office/airflow setpoint
bldg/second floor/vav 2115 conference/zone co2
ZN-T @ VAV-2-14 Office 214
DPR-O @ VAV-2-14 Office 214
HTG-SP @ VAV-2-14 Office 214
SA-F @ VAV-2-14 Office 214
CLG-LOOP @ VAV-2-14 Office 214
AV 06 @ VAV-2-15 @ Office 215 cooling setpoint
AI 01 @ FCU-7 @ Conference room 7 temperature
BO 02 @ FCU-7 @ Conference room 7 fan command
MSV 1 @ FCU-7 @ Conference room heating or cooling mode
Lobby zone temp
Lobby lighting level
Lobby Lights Cmd
Reception temp setpoint
Corridor 2E temp
Corridor 2E Lights
COR160A ZN-T
HALL_2_LTG_CMD
Conf Rm 120 CO2
Meeting Room 4 Dimmer Level
Admin Suite Zone Temp
Library RmTemp
Cafeteria lights
Break Room 3 temp sp
Open Space 5 zone humidity
OAT
Outside Air Humidity @ Weather Station
Main Meter kWh
Electric Meter 2 kW
"""


def lines(block: str) -> list[str]:
    return block.strip().splitlines()
