//! What each kind is called, and texts that prove what is found and what is not.

use super::Pii;
use super::kind::About;

#[rustfmt::skip]
pub(super) fn about(kind: Pii) -> &'static About {
    match kind {
        Pii::Email => &About {
            id: "email",
            description: "E-mail address",
            positives: &[
                "write to «jane.doe+lists@mail.example.co.uk», please",
                "<«j_doe@163.com»>, \"x\"",
                "see «Ops-Team@EXAMPLE.org».",
                "?email=«me@xn--bcher-kva.example»&x=1",
                "邮箱«li.wei@example.cn»。",
                "...«a@b.io»: that is me",
            ],
            negatives: &[
                "psql -h db user@localhost", "npm i left-pad@1.3.0 react@18.2.0-rc.1",
                "git clone git@github.com:org/repo.git", "ssh://git@host.example.com/x",
                "src=\"icon@2x.png\"", "icon@dark.svg", "@decorator.name", "a @ b.cc", "x@y.c",
                "getty@tty1.service", "uses: actions/checkout@v4.1.0", "me@@example.com",
            ],
        },
        Pii::Phone => &About {
            id: "phone",
            description: "Phone number",
            positives: &[
                "call «+44 20 7946 0958» now", "tel:«+14155550132»", "(«+49 (0)30 901820»)",
                "«+33 6 12 34 56 78», or", "ring «(415) 555-0132».", "fax «415-555-0132»",
                "«1-800-555-0199»", "电话«+86 138 0013 8000»", "Tel.«+41.44.668.18.00»",
                "«+1 (415) 555-0132» 2024", "«+44 20 7946 0958»x12",
            ],
            negatives: &[
                "2024-01-01T10:00:00+01:00", "192.168.100.200", "v1.415.555.0132", "115-555-0132",
                "415-055-0132", "911-555-0132 415-911-0132", "id 4155550132", "+1 234", "1e+12345678",
                "+20240101", "550e8400-415-555-0132", "415-555-01325", "x +1000000000",
            ],
        },
        Pii::Iban => &About {
            id: "iban",
            description: "International bank account number (IBAN)",
            positives: &[
                "IBAN: «DE89370400440532013000»", "to «GB82 WEST 1234 5698 7654 32», today",
                "«NO9386011117947»", "«MT84MALT011000012345MTLCAST001S»",
                "von «FR14 2004 1010 0505 0001 3M02 606»",
            ],
            negatives: &[
                "DE89370400440532013001", "DE8937040044053201300", "XX89370400440532013000",
                "ADE89370400440532013000", "GB82 WEST 12345698 7654 32",
            ],
        },
        Pii::Card => &About {
            id: "card",
            description: "Payment card number",
            positives: &[
                "pay 4: «4111 1111 1111 1111» 12/27", "«5555-5555-5555-4444»", "«378282246310005».",
                "card=«3782 822463 10005»&cvc=1234", "{\"pan\":\"«6011111111111117»\"}",
                "«30569309025904»", "«3530111333300000»", "«6200000000000005»", "«6759649826438453»",
            ],
            negatives: &[
                "4111111111111112", "0.4111111111111111", "x4111111111111111", "4111111111111111x",
                "1234567890123452", "41111111-11111111", "4444444444444444", "0000000000000000",
                "8 4111 1111 1111 111", "4111111111111111.5", "5211 5212 5213 5214 521A",
                "51F1 5272 5274 5275 5269", "550e8400-4111-1111-1111-111111111111",
            ],
        },
        Pii::UsSsn => &About {
            id: "us-ssn",
            description: "United States social security number",
            positives: &["SSN «219-45-6789».", "(«536-90-4399»)", "ssn=«001-01-0001»;"],
            negatives: &[
                "000-12-3456 666-12-3456 900-12-3456", "219-00-6789 219-45-0000", "078-05-1120",
                "219-45-67890", "1219-45-6789", "219 45 6789", "x-219-45-6789",
            ],
        },
        Pii::EsDni => &About {
            id: "es-dni",
            description: "Spanish identity number (DNI or NIE)",
            positives: &["DNI «12345678Z»", "«53284197-M»,", "NIE «X1234567L»", "nie: «Z-4826193-Q»"],
            negatives: &["12345678A", "53284197m", "X1234567A", "20000000M", "AX1234567L", "W1234567L"],
        },
        Pii::ItCodiceFiscale => &About {
            id: "it-codice-fiscale",
            description: "Italian tax code (codice fiscale)",
            positives: &["C.F. «RSSMRA85T10A562S»", "«VRDLGU72A41F205X»;", "cf=«RSSMRA85T10A56NH»"],
            negatives: &["RSSMRA85T10A562T", "RSSMRA85X10A562S", "RSSMRA85T40A562S", "ARSSMRA85T10A562S"],
        },
        Pii::NlBsn => &About {
            id: "nl-bsn",
            description: "Dutch citizen service number (BSN)",
            positives: &[
                "BSN: «111222333»", "\"userBsn\": \"«367418253»\"", "burgerservicenummer is «2094.94.177»",
                "sofi-nummer «762984594»",
            ],
            negatives: &["111222333", "BSN: 111222334", "BSN\n111222333", "absn 111222333", "bsns 111222333"],
        },
        Pii::DeTaxId => &About {
            id: "de-tax-id",
            description: "German tax identification number",
            positives: &[
                "Steueridentifikationsnummer: «86095742719»", "IdNr. «65 929 970 489»",
                "Tax ID «47036892816»", "tin=«26954371827»",
            ],
            negatives: &["86095742719", "IdNr. 86095742718", "IdNr. 12345678903", "martin=86095742719"],
        },
        Pii::FrNir => &About {
            id: "fr-nir",
            description: "French social security number (NIR)",
            positives: &["n° «184127645108946»", "«1 84 12 76 451 089 46»", "«294032A00412318»", "«1 88 11 2B 033 456 90»"],
            negatives: &["184127645108947", "384127645108946", "1 84 12 76 451 089 47", "184147645108944"],
        },
        Pii::UkNhs => &About {
            id: "uk-nhs",
            description: "British NHS number",
            positives: &["NHS number: «943 476 5919»", "nhsNumber=«4857773457»", "NHS No. «401-023-2137»"],
            negatives: &["943 476 5919", "NHS 943 476 5918", "enhs 4857773457"],
        },
        Pii::UkNino => &About {
            id: "uk-nino",
            description: "British national insurance number",
            positives: &["NI number «AB123456C»", "«JG 10 37 59 A»."],
            negatives: &["AB123456E", "GB123456A", "QQ123456C", "AB1234567C", "XAB123456C", "AB 12 3456 C"],
        },
        Pii::PlPesel => &About {
            id: "pl-pesel",
            description: "Polish PESEL number",
            positives: &["PESEL «44051401359»", "pesel: «02070803628»"],
            negatives: &["44051401359", "PESEL 44051401358", "PESEL 44131401359"],
        },
        Pii::BrCpf => &About {
            id: "br-cpf",
            description: "Brazilian taxpayer number (CPF)",
            positives: &["CPF «529.982.247-25»", "«390.533.447-05»,", "cpf: «11144477735»"],
            negatives: &["529.982.247-26", "111.111.111-11", "52998224725"],
        },
        Pii::InAadhaar => &About {
            id: "in-aadhaar",
            description: "Indian Aadhaar number",
            positives: &["Aadhaar «2341 2341 2346»", "aadhaarNumber: «738294153602»", "UIDAI «4998-1275-5039»"],
            negatives: &["2341 2341 2346", "Aadhaar 2341 2341 2347", "Aadhaar 1341 2341 2346"],
        },
        Pii::SePersonnummer => &About {
            id: "se-personnummer",
            description: "Swedish personal identity number",
            positives: &["pnr «811218-9876»", "«19640823-3234»", "«850763-2175»"],
            negatives: &["811218-9875", "811318-9876", "20240115-1837", "8112189876", "21640823-3234"],
        },
        Pii::FiHetu => &About {
            id: "fi-hetu",
            description: "Finnish personal identity code",
            positives: &["HETU «131052-308T»", "«010594Y9021»", "«290200A1239»"],
            negatives: &["131052-308U", "131352-308T", "131052/308T", "131052-308t"],
        },
        Pii::BeNationalNumber => &About {
            id: "be-national-number",
            description: "Belgian national register number",
            positives: &["«85.07.30-033.28»", "rrn=«05.09.18-246.90»"],
            negatives: &["85.07.30-033.29", "85.13.30-033.28", "85.07.30.033.28"],
        },
        Pii::ChAhv => &About {
            id: "ch-ahv",
            description: "Swiss social security number (AHV)",
            positives: &["AHV «756.9217.0769.85»", "«756.3048.5012.41»"],
            negatives: &["756.9217.0769.84", "757.9217.0769.82", "7569217076985"],
        },
        Pii::CaSin => &About {
            id: "ca-sin",
            description: "Canadian social insurance number",
            positives: &["SIN: «046-454-286»", "social insurance number «193 847 266»"],
            negatives: &["046-454-286", "SIN: 046-454-287", "sinus 193 847 266", "sin(046454286)"],
        },
        Pii::CnResidentId => &About {
            id: "cn-resident-id",
            description: "Chinese resident identity number",
            positives: &["身份证«11010519491231002X»", "id «510107199203081746»", "«320102198706153279»"],
            negatives: &["110105194912310021", "10010519491231002X", "110105194913310023"],
        },
    }
}
