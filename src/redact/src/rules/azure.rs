//! Microsoft Azure and Entra. Keys that carry their mark in the middle are found by the name
//! before them.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "azure-storage-account-key",
        description: "Azure Storage or Cosmos DB account key: full access to the account",
        keywords: &["accountkey="],
        pattern: "(?i:AccountKey=)([A-Za-z0-9+/]{86}==)",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=«pf5cCe8DqT8knteN8l1CZEFLIP6q4EWQwqkXYyq+niM0JguFGebSy4kjsJjztnDJAGzCFOt03p8pPgz9Gegp/3==»;EndpointSuffix=core.windows.net",
            r#""cosmos": "AccountEndpoint=https://x.documents.azure.com:443/;AccountKey=«ZHe2B6xoAWSIRf2xAgf5cv77Tm3APsxK8FJMeEraoR25ytjoFiNfIGLV1jGR3sdxB51adkcJkyHLqnQkobki1v==»;""#,
        ],
        negatives: &[
            "AccountKey=<your-account-key>;",
            "AccountName=a;AccountKey=h/B9qYMQTXgrT+au+gvb3LO01h/yFomijMT3Lujv==;",
        ],
    },
    Rule {
        id: "azure-storage-key-named",
        description: "Azure Storage account key beside its name",
        keywords: &["azure", "storage", "account", "access"],
        pattern: concat!(
            near!(
                "(?:azure[ _.-]?storage|storage[ _.-]?(?:account[ _.-]?)?(?:access[ _.-]?)?key|ac(?:count|cess)[ _.-]?key)"
            ),
            "([A-Za-z0-9+/]{86}==)"
        ),
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "AZURE_STORAGE_KEY=«gSdW8rUAHszulVSVFhfhpft8gxK7JC1DiqYLLUViEb4hqBkj99mmj+801++eE9JdCLr3qKIGlkiuFVkLbe0wRV==»",
            r#"storage_account_key = "«99XtXT2+rRjppXQev7KhzCmNXrnAh+7ZEtLcz5Ywmmc1g4arNOsbPJgAPrLKfqY2ujsqk7r70B0JbMyLBsT561==»""#,
        ],
        negatives: &[
            "AZURE_STORAGE_KEY=TSeI3djmhKsZMPa5kIExaBKRwu+OFtC/IQ5dgrhrNuTt=",
            "account_key = var.storage_account_key",
        ],
    },
    Rule {
        id: "azure-shared-access-key",
        description: "Shared access key of Service Bus, Event Hubs, IoT Hub, SignalR or Relay",
        keywords: &["accesskey="],
        pattern: "(?i:AccessKey=)([A-Za-z0-9+/]{32,100}={0,2})",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "Endpoint=sb://q.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=«dpfUt1Xio92haw3BQuk+bOM4ITdQVMEQOMpJphWqNjT=»",
            "HostName=h.azure-devices.net;SharedAccessKeyName=o;SharedAccessKey=«HiNDfru/u2E3RvTAEaeMOlfOJ2R3cNMa3SdPK6ujpsg=»",
            r#""Endpoint=https://s.service.signalr.net;AccessKey=«FUfcxI9DeS0Bud7D8XmwYwMLYY4M7rlX2wtOz8eE1Ns=»;Version=1.0;""#,
        ],
        negatives: &[
            "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=<key>",
            "SharedAccessKey=g8qsn5YyhTAVRGSuku4s=",
        ],
    },
    Rule {
        id: "azure-app-configuration-secret",
        description: "Azure App Configuration connection string: reads every setting",
        keywords: &["azconfig.io;"],
        pattern: r"(?i:azconfig\.io;Id=)[A-Za-z0-9+/=:_-]{1,64}(?i:;Secret=)([A-Za-z0-9+/]{40,120}={0,2})",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "Endpoint=https://shop.azconfig.io;Id=a1b2-l0-s0:QmZ3;Secret=«hzFOIBWmyi6doh2WPNfNimpRcA/nM9QOjk7Ab/34o5K=»",
            r#""AppConfig": "Endpoint=https://x.azconfig.io;Id=zMPR-l9-s0:TW0XXB49lLpQe1kYpbQx;Secret=«1UrAlE3NXNtGm+zhX6msJbQJwSGXG6RiAyOCCW6+NoNy9krHyn9ED/fBWsQU5M1S4Mx9JjdDsGSDoRRCMahM»""#,
        ],
        negatives: &[
            "Endpoint=https://shop.azconfig.io;Id=<id>;Secret=<secret>",
            "https://shop.azconfig.io;Id=abc;Label=prod",
        ],
    },
    Rule {
        id: "azure-client-secret",
        description: "Microsoft Entra client secret: signs in as the application",
        keywords: &["0q~", "1q~", "2q~", "3q~", "4q~", "5q~", "6q~", "7q~", "8q~", "9q~"],
        pattern: "[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "AZURE_CLIENT_SECRET=uZY«8Q~7MCn9I1RvO0gZNCXViwTVaGR6GLSWnIUW5»",
            r#""clientSecret": "Xv9«7Q~L9Ej30eXhM7cnKxhGyMz_RLsazFXRzY»""#,
        ],
        negatives: &[
            "AZURE_CLIENT_SECRET=abc8Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "value 1Q~Ay41eZa9NC",
        ],
    },
    Rule {
        id: "azure-client-secret-named",
        description: "Microsoft Entra client secret beside its name",
        keywords: &[
            "azure_client_secret",
            "azure-client-secret",
            "azureclientsecret",
            "arm_client_secret",
            "aad_client_secret",
        ],
        pattern: concat!(
            near!("(?:azure|arm|aad)[_-]?client[_-]?secret"),
            r"([A-Za-z0-9_~.?@:\[\]/+=-]{32,44})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            r#"export ARM_CLIENT_SECRET="«ttQz8N5y6NfWgHnsK6wD3sfI-E7VIkNMMt»""#,
            "azure_client_secret: «4kUzimyGFB8NSwIoYXGFuyGRvSaNYYEKJ04n»",
        ],
        negatives: &[
            "ARM_CLIENT_SECRET=$CLIENT_SECRET",
            "azure_client_secret = var.client_secret",
            "AZURE_CLIENT_SECRET=00000000-0000-0000-0000-000000000000",
        ],
    },
    Rule {
        id: "azure-sas-signature",
        description: "Azure shared access signature: opens storage or a logic app until it expires",
        keywords: &["?sig=", "&sig=", ";sig="],
        pattern: "[?&;]sig=([A-Za-z0-9%/+_-]{43,100}(?:%3[Dd]|=)?)",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "https://s.blob.core.windows.net/c/f?sv=2024-11-04&se=2026-02-01&sr=b&sp=r&sig=«nAhYGiq6dQTgabTSli85cDVm8CsmBxXR6NY6yEvb%2FgV%3D»",
            "https://prod-1.westeurope.logic.azure.com/workflows/a/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=«P6CPCb59ikbJQB7lH_cdKBfKvLblsd1POx_0dgE6BLO»",
        ],
        negatives: &["?sv=2024-11-04&sig=<signature>", "&sig=Ul0KmER6XoXCZp6mmVLq"],
    },
    Rule {
        id: "azure-devops-token",
        description: "Azure DevOps personal access token: code, builds and releases",
        keywords: &[
            "azure_devops",
            "azuredevops",
            "azure-devops",
            "azure",
            "devops",
            "azdo",
            "system_accesstoken",
            "vsts",
            "vss_",
            "ado_pat",
            "ado_token",
        ],
        pattern: concat!(
            near!("(?:azure[ _-]?devops|azdo|vsts|vss_|ado_(?:pat|token)|system_accesstoken)"),
            r"([a-z2-7]{52}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "AZURE_DEVOPS_EXT_PAT=«wk7lnzqah6qtb35c6on4gffkbifholbh6oyjlgk3n7zxczerdnzx»",
            "azdo:\n  pat: «2tYxRVYnmF5xALdcCbh2D7pEPBcD47KaSGk0Mfbn4lJsKJCzmIr7VVsUxAnswRUfug1H9wQLuKMuAZDOxDxC»\n",
        ],
        negatives: &[
            "AZURE_DEVOPS_EXT_PAT=$(System.AccessToken)",
            r#"vsts_token = "j6mo3vna7wtklpx5dk7xmvkyoranlmpbrwrxwbcn""#,
        ],
    },
    Rule {
        id: "azure-cognitive-services-key",
        description: "Azure OpenAI or AI Services key: calls models on the subscription",
        keywords: &[
            "azure_openai",
            "azure-openai",
            "azureopenai",
            "azure_api_key",
            "cognitive",
            "ocp-apim-subscription-key",
            "azure_speech",
            "azure_ai",
            "azure_search",
            "search_api_key",
        ],
        pattern: concat!(
            near!(
                "(?:azure[_-]?(?:openai|api[_-]?key|speech|ai|search)|cognitive|ocp-apim-subscription-key|search_api_key)"
            ),
            r"([0-9A-Fa-f]{32}|[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "AZURE_OPENAI_API_KEY=«4c5660bf8d3bdcc92bee01f7bfa03b71»",
            "Ocp-Apim-Subscription-Key: «YZNMADGfpOjoxAd3gE8YDglapdMBSeN7l4iK3FMlUbu09mMcmkNHJQQJ99W1HmGBcXKYcirrqJh5FQz6OkpY»",
            r#"AZURE_SEARCH_KEY="«obEI61jj82RCicbxNFt14haYYAXKAwO97ww6evEdOGAzSeAbXvlm»""#,
        ],
        negatives: &[
            "AZURE_OPENAI_API_KEY=<your-key>",
            r#"azure_openai_deployment = "gpt-4o""#,
            "Ocp-Apim-Subscription-Key: {subscription key}",
        ],
    },
    Rule {
        id: "azure-functions-key",
        description: "Azure Functions key: calls the function",
        keywords: &[
            "x-functions-key",
            "code=",
            "functions_key",
            "function_key",
            "functionkey",
            "host_key",
            "master_key",
            "functions-key",
        ],
        pattern: r#"(?i:x-functions-key|[?&]code|function(?:s)?_?key|host_?key|master_?key)["']?[ ]?[=:][ ]?["']?([A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{5}[AQgw]==)"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            r#"curl "https://f.azurewebsites.net/api/run?code=«oJQ5ZokBpjvIRNm3Nk3gsFuS7ZScKfRuXf4KU6d4A_PAAzFuahzg7Q==»""#,
            "x-functions-key: «rPCSspM1FreGwMvrjMGoHrfZ9-HMuwGii2AkKKcjCXYdAzFuDpY7EA==»",
        ],
        negatives: &[
            "?code=<function key>",
            "x-functions-key: jEfrRASJYs4q9qPMvS9TyZkeA8Y3bdO4L7KhwI80i5RY==",
            "?code=200",
        ],
    },
    Rule {
        id: "azure-container-registry-password",
        description: "Azure Container Registry password: pushes images",
        keywords: &["azurecr", "acr_password", "acr_pass", "registry_password", "acrpassword"],
        pattern: concat!(
            near!(r#"(?:azurecr|acr_?pass|registry_password)[\w ."/:=-]{0,60}?"#),
            r"([A-Za-z0-9/+]{42}\+ACR[A-D][A-Za-z0-9+/]{5})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "ACR_PASSWORD=«3P0HkQcP9qkAdEp/qndPJrqs/YPwexepCdfb+MDJXJ+ACRAf9M84»",
            "docker login shop.azurecr.io -u shop -p «qCG+FtfJoUF4x5ZtTxEDmZQPfDyMlmytf+I6Suzfrz+ACRDast0K»",
        ],
        negatives: &[
            "ACR_PASSWORD=${{ secrets.ACR_PASSWORD }}",
            "acr_password: gbN/FpvT8ebhEr2wqecx6hGSY3TBtTycJLLLq9qKOgxCvEK5LFu8",
        ],
    },
    Rule {
        id: "azure-redis-key",
        description: "Azure Cache for Redis key: full access to the cache",
        keywords: &["redis"],
        pattern: concat!(
            near!(r#"redis[\w ."/:,=-]{0,60}?"#),
            "([A-Za-z0-9]{33}AzCa[A-P][A-Za-z0-9]{5}=)"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "shop.redis.cache.windows.net:6380,password=«XLZElrxwZThZEcf8R1ZnFg8KJIEAZuEZcAzCaBve60e=»,ssl=True",
            r#"REDIS_KEY="«MqFWxeGrKkuTdhrpQ5xtDWLher1yO9rF7AzCaLwqUd5=»""#,
        ],
        negatives: &[
            "REDIS_KEY=$REDIS_KEY",
            r#"redis_password = "CLHZNJOYlgUEVJRRwk0NHKr8NTcivc5xTiHg4hrsqpn6=""#,
        ],
    },
];
