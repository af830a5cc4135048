"""Which attributes a derived series takes from its source, by module of PS3.3, and what an image needs even if empty.

A list of what is copied, not of what is left out: private attributes, icons, overlays, signatures, storage commitment
and whatever the next edition brings stay behind unless they are known to remain true of derived values.
"""

from __future__ import annotations


def _names(text: str) -> list[str]:
    return text.split()


# What tells a patient from others is copied as it is, fit or not: a change would make another patient of it.
IDENTITY = _names("""
    SpecificCharacterSet PatientName PatientID IssuerOfPatientID PatientBirthDate StudyInstanceUID
""")
# The same where it keeps to its value representation; Type 2, so that it may be empty where it does not.
STUDY_IDENTITY = _names("""
    PatientSex StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber
""")

# C.7.1.1 Patient, C.7.1.3 Clinical Trial Subject
PATIENT = _names("""
    TypeOfPatientID IssuerOfPatientIDQualifiersSequence PatientBirthTime OtherPatientIDs OtherPatientIDsSequence
    OtherPatientNames EthnicGroup PatientComments QualityControlSubject ReferencedPatientSequence
    PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription PatientBreedCodeSequence
    BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
    PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence
    ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID
    ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
    ClinicalTrialProtocolEthicsCommitteeName ClinicalTrialProtocolEthicsCommitteeApprovalNumber
""")

# C.7.2.1 General Study, C.7.2.2 Patient Study, C.7.2.3 Clinical Trial Study
STUDY = _names("""
    StudyDescription IssuerOfAccessionNumberSequence PhysiciansOfRecord NameOfPhysiciansReadingStudy
    ConsultingPhysicianName ProcedureCodeSequence ReasonForPerformedProcedureCodeSequence ReferencedStudySequence
    AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize PatientWeight
    Occupation AdditionalPatientHistory PatientSexNeutered PregnancyStatus SmokingStatus MedicalAlerts Allergies
    LastMenstrualDate PatientState AdmissionID ReasonForVisit
    PatientSizeCodeSequence PatientBodyMassIndex MeasuredAPDimension MeasuredLateralDimension
    IssuerOfAdmissionIDSequence ServiceEpisodeID ServiceEpisodeDescription ReferringPhysicianIdentificationSequence
    RequestingService RequestingServiceCodeSequence ReasonForVisitCodeSequence
    ClinicalTrialTimePointID ClinicalTrialTimePointDescription ClinicalTrialTimePointTypeCodeSequence
    LongitudinalTemporalOffsetFromEvent LongitudinalTemporalEventType
""")

# C.7.3.1 General Series, C.7.3.2 Clinical Trial Series, C.12.1 SOP Common: true of the body part and of the request
SERIES = _names("""
    ProtocolName BodyPartExamined Laterality PatientPosition AnatomicalOrientationType RequestAttributesSequence
    ClinicalTrialCoordinatingCenterName ClinicalTrialSeriesID ClinicalTrialSeriesDescription
    TimezoneOffsetFromUTC LongitudinalTemporalInformationModified
""")

TRIAL_SUBJECT = [name for name in PATIENT if name.startswith("ClinicalTrial")]
TRIAL_STUDY = [name for name in STUDY if name.startswith(("ClinicalTrial", "LongitudinalTemporal"))]
TRIAL_SERIES = [name for name in SERIES if name.startswith("ClinicalTrial")]
TRIAL_MODULES: tuple[tuple[tuple[list[str], list[str]], list[str], list[str]], ...] = (
    (
        (TRIAL_SUBJECT, ["ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"]),
        ["ClinicalTrialSponsorName", "ClinicalTrialProtocolID"],
        ["ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName"],
    ),
    ((TRIAL_STUDY, []), [], ["ClinicalTrialTimePointID"]),
    ((TRIAL_SERIES, []), [], ["ClinicalTrialCoordinatingCenterName"]),
)
"""Of each module: its attributes, of which some one has to be there (Type 1C), its Types 1 and 2."""

# C.7.6.1 General Image, C.7.10.1 General Acquisition, C.7.6.4 Contrast/Bolus: true of every value derived from them
IMAGE = _names("""
    AcquisitionNumber AcquisitionDate AcquisitionTime AcquisitionDateTime
    BurnedInAnnotation RecognizableVisualFeatures QualityControlImage AnatomicRegionSequence
    ContrastBolusAgent ContrastBolusAgentSequence ContrastBolusRoute ContrastBolusVolume ContrastBolusStartTime
    ContrastBolusStopTime ContrastBolusTotalDose ContrastFlowRate ContrastFlowDuration ContrastBolusIngredient
    ContrastBolusIngredientConcentration
""")

# C.8.2.1 CT Image, C.8.3.1 MR Image
ACQUISITION = {
    "CT": _names("""
        KVP ScanOptions DataCollectionDiameter ReconstructionDiameter DistanceSourceToDetector
        DistanceSourceToPatient TableHeight RotationDirection ExposureTime XRayTubeCurrent Exposure ExposureInuAs
        FilterType GeneratorPower FocalSpots ConvolutionKernel RevolutionTime SingleCollimationWidth
        TotalCollimationWidth TableSpeed TableFeedPerRotation SpiralPitchFactor CTDIvol CTDIPhantomTypeCodeSequence
    """),
    "MR": _names("""
        ScanningSequence SequenceVariant ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength
        InversionTime TriggerTime SequenceName AngioFlag NumberOfAverages ImagingFrequency ImagedNucleus EchoNumbers
        MagneticFieldStrength NumberOfPhaseEncodingSteps PercentSampling PercentPhaseFieldOfView PixelBandwidth
        NominalInterval BeatRejectionFlag LowRRValue HighRRValue HeartRate ReceiveCoilName TransmitCoilName
        AcquisitionMatrix InPlanePhaseEncodingDirection FlipAngle SAR VariableFlipAngleFlag dBdt
    """),
}
GEOMETRY_BOUND = {"CT": ["GantryDetectorTilt"], "MR": []}
"""True only where the slices lie where the source's lay."""

EQUIPMENT = _names("""
    Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName ManufacturerModelName
    DeviceSerialNumber SoftwareVersions DateOfLastCalibration TimeOfLastCalibration
""")
"""C.7.5.1 General Equipment as far as C.12.1.1.5 Contributing Equipment holds it."""

# Type 2: has to be there, empty where nothing is known
EMPTY = {
    "": _names("""
        PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
        AccessionNumber PositionReferenceIndicator
    """),
    "CT": ["KVP", "AcquisitionNumber", "PatientPosition"],
    "MR": ["ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength", "PatientPosition"],
}

# Enumerated values: another one in the source would be an error in ours too
ENUMERATED: dict[str, set[str | int]] = {
    "AnatomicalOrientationType": {"BIPED", "QUADRUPED"},
    "AngioFlag": {"Y", "N"},
    "BeatRejectionFlag": {"Y", "N"},
    "BurnedInAnnotation": {"YES", "NO"},
    "InPlanePhaseEncodingDirection": {"ROW", "COL"},
    "Laterality": {"R", "L"},
    "LongitudinalTemporalInformationModified": {"UNMODIFIED", "MODIFIED", "REMOVED"},
    "MRAcquisitionType": {"2D", "3D"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "PatientSex": {"M", "F", "O"},
    "PatientSexNeutered": {"ALTERED", "UNALTERED"},
    "PregnancyStatus": {1, 2, 3, 4},
    "QualityControlImage": {"YES", "NO", "BOTH"},
    "QualityControlSubject": {"YES", "NO"},
    "RecognizableVisualFeatures": {"YES", "NO"},
    "RotationDirection": {"CW", "CC"},
    "ScanningSequence": {"SE", "IR", "GR", "EP", "RM"},
    "SequenceVariant": {"SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"},
    "SmokingStatus": {"YES", "NO", "UNKNOWN"},
    "VariableFlipAngleFlag": {"Y", "N"},
}

UNPAIRED_BODY_PARTS = set(
    _names("""
    HEAD SKULL BRAIN HEADNECK NECK CSPINE TSPINE LSPINE SSPINE SPINE CTSPINE TLSPINE LSSPINE COCCYX CHEST STERNUM HEART
    MEDIASTINUM ABDOMEN LIVER PANCREAS SPLEEN STOMACH COLON PELVIS ABDOMENPELVIS CHESTABDOMEN CHESTABDPELVIS
    NECKCHEST NECKCHESTABDPELV WHOLEBODY PROSTATE BLADDER UTERUS AORTA TRACHEA LARYNX TONGUE
""")
)
"""Body parts (PS3.16 Annex L) that have no laterality; for any other one it has to be told, or be empty (C.7.3.1)."""

CODE_SEQUENCES = {"AnatomicRegionSequence", "ContrastBolusAgentSequence"}
"""Sequences of codes (PS3.3 8.8) whose keyword does not end in CodeSequence."""

REQUIRED_IN_ITEMS = {
    "ReferencedStudySequence": ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),
    "ReferencedPatientSequence": ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"),
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "BreedRegistrationSequence": ("BreedRegistrationNumber", "BreedRegistryCodeSequence"),
    "ContributingEquipmentSequence": ("PurposeOfReferenceCodeSequence", "Manufacturer"),
}
"""Type 1 attributes of the items of sequences that are copied; an item without them is left out."""
